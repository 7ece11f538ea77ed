-- SPDX-License-Identifier: BSD-3-Clause
-- For wrk: one request again and again, and its figures as JSON in the end.
-- usage: wrk -s bench_rest.lua URL -- [BODY CONTENT_TYPE [JSON_BYTES]]      (without a body: GET)
function init(args)
   if args[1] then
      local file = assert(io.open(args[1], "rb"))
      wrk.method, wrk.body = "POST", file:read("*a")
      file:close()
      wrk.headers["Content-Type"] = args[2]
      wrk.headers["Inference-Header-Content-Length"] = args[3]
   end
   wrk.headers["Connection"] = "keep-alive"
   request = wrk.format()
   wrk.request = function() return request end
end

function done(summary, latency)
   local e = summary.errors
   print(string.format('{"requests": %d, "us": %d, "p50_us": %d, "p99_us": %d, "bad": %d}', summary.requests, summary.duration,
      latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
