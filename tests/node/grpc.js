// SPDX-License-Identifier: BSD-3-Clause
// The calls of tests/smoke/grpc_node.py by @grpc/grpc-js: prints TAP's lines without numbers, "ok - NAME".
// usage: grpc.js ADDRESS PROTOS SCORES [CERTIFICATE]   SCORES: what 4 rows of 41 numbers ((i * 37) % 101) / 4 score
'use strict'
const fs = require('fs')
const path = require('path')
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')

const [address, protos, scores, certificate] = process.argv.slice(2)
const FEATURES = 41
const N = 4
const right = fs.readFileSync(scores)
const rows = Array.from({ length: N * FEATURES }, (_, i) => ((i * 37) % 101) / 4)
const files = ['inference', 'health', 'reflection', 'reflection_v1alpha'].map((f) => path.join(protos, f + '.proto'))
const defined = grpc.loadPackageDefinition(loader.loadSync(files, { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true }))
const credentials = certificate ? grpc.credentials.createSsl(fs.readFileSync(certificate)) : grpc.credentials.createInsecure()
// What the appliance refuses is to be refused by it, not here.
const OPTIONS = { 'grpc.max_send_message_length': -1, 'grpc.max_receive_message_length': -1 }

const open = (Service, more) => new Service(address, credentials, { ...OPTIONS, ...more })
const client = open(defined.inference.GRPCInferenceService)
const health = open(defined.grpc.health.v1.Health)

function check(name, ok, why) {
  console.log(`${ok ? 'ok' : 'not ok'} - ${name}`)
  if (!ok) console.log(`# ${typeof why === 'string' ? why : JSON.stringify(why)}`)
}

// The answer of a unary call, or its error.
function call(of, name, request, metadata, options) {
  return new Promise((resolve) => {
    const handle = of[name](request, metadata || new grpc.Metadata(), options || {}, (error, answer) => resolve(error || answer))
    if (options && options.began) options.began(handle)
  })
}

function raw(values) {
  const buffer = Buffer.alloc(values.length * 4)
  values.forEach((v, i) => buffer.writeFloatLE(v, i * 4))
  return buffer
}

function infer(bytes, more) {
  const tensor = { name: 'rows', datatype: 'FP32', shape: [bytes.length / 4 / FEATURES, FEATURES] }
  return { model_name: 'lab', id: '7', inputs: [tensor], raw_input_contents: [bytes], ...more }
}

const isRight = (answer) => Boolean(answer.raw_output_contents) && Buffer.compare(answer.raw_output_contents[0], right) === 0

async function scored() {
  const answer = await call(client, 'ModelInfer', infer(raw(rows)))
  check('raw rows: the bits of `martletctl model run`', isRight(answer), answer)
  check('the id comes back', answer.id === '7' && answer.model_version === '1')
  const typed = { model_name: 'lab', inputs: [{ name: 'rows', datatype: 'FP32', shape: [N, FEATURES], contents: { fp32_contents: rows } }] }
  check('typed rows: the same, raw', isRight(await call(client, 'ModelInfer', typed)))
  const asked = await call(client, 'ModelInfer', { ...typed, parameters: { martlet_typed: { bool_param: true } } })
  check('martlet_typed: the same, typed', Buffer.compare(raw(asked.outputs[0].contents.fp32_contents), right) === 0)
}

async function others() {
  check('ServerLive', (await call(client, 'ServerLive', {})).live)
  check('ServerReady', (await call(client, 'ServerReady', {})).ready)
  check('ModelReady', (await call(client, 'ModelReady', { name: 'lab' })).ready)
  check('ServerMetadata', (await call(client, 'ServerMetadata', {})).name === 'martlet')
  check('ModelMetadata', (await call(client, 'ModelMetadata', { name: 'lab' })).inputs[0].shape[1] === FEATURES)
  check('ModelConfig', (await call(client, 'ModelConfig', { name: 'lab' })).config.backend === 'martlet')
  check('ModelStatistics', (await call(client, 'ModelStatistics', { name: 'lab' })).model_stats[0].inference_count > 0)
  let refused = await call(client, 'ModelMetadata', { name: 'nope' })
  check('no such model: NOT_FOUND', refused.code === grpc.status.NOT_FOUND && refused.details.includes('nope'), refused)
  refused = await call(client, 'ModelInfer', { model_name: 'lab' })
  check('no inputs: INVALID_ARGUMENT', refused.code === grpc.status.INVALID_ARGUMENT, refused)
  const nothing = { path: '/inference.GRPCInferenceService/Nothing', requestStream: false, responseStream: false, requestSerialize: (b) => b,
    requestDeserialize: (b) => b, responseSerialize: (b) => b, responseDeserialize: (b) => b }
  const other = open(grpc.makeClientConstructor({ Nothing: nothing }, 'Nothing'))
  refused = await call(other, 'Nothing', Buffer.alloc(1))
  check('no such method: UNIMPLEMENTED', refused.code === grpc.status.UNIMPLEMENTED, refused)
  other.close()
}

async function changes(manages) {
  if (!manages) {
    for (const [method, of] of [['RepositoryIndex', {}], ['RepositoryModelUnload', { model_name: 'lab' }]]) {
      const refused = await call(client, method, of)
      check(`${method} where there is no management: PERMISSION_DENIED`, refused.code === grpc.status.PERMISSION_DENIED, refused)
    }
    return
  }
  check('RepositoryIndex', (await call(client, 'RepositoryIndex', {})).models[0].state === 'READY')
  const said = []
  const watch = health.Watch({ service: 'model/lab' })
  const next = () => new Promise((resolve) => watch.once('data', (d) => resolve(said.push(d.status))))
  watch.on('error', () => {})
  await next()
  await Promise.all([next(), call(client, 'RepositoryModelUnload', { model_name: 'lab' })])
  await Promise.all([next(), call(client, 'RepositoryModelLoad', { model_name: 'lab' })])
  watch.cancel()
  check('Watch tells of unload and load', said.join() === 'SERVING,NOT_SERVING,SERVING', said)
}

async function checked() {
  for (const service of ['', 'model/lab', 'inference.GRPCInferenceService']) {
    check(`Check of '${service}'`, (await call(health, 'Check', { service })).status === 'SERVING')
  }
  check('Check of what is unknown: NOT_FOUND', (await call(health, 'Check', { service: 'x' })).code === grpc.status.NOT_FOUND)
  for (const version of ['v1', 'v1alpha']) {
    const reflection = open(defined.grpc.reflection[version].ServerReflection)
    const answers = []
    await new Promise((resolve) => {
      const stream = reflection.ServerReflectionInfo()
      stream.on('data', (d) => answers.push(d))
      stream.on('error', (e) => resolve(answers.push(e)))
      stream.on('end', resolve)
      stream.write({ list_services: '' })
      stream.write({ file_containing_symbol: 'inference.ModelInferRequest' })
      stream.write({ file_by_filename: 'no' })
      stream.end()
    })
    check(`reflection ${version}`, answers.length === 3 && answers[0].list_services_response.service.length === 4 &&
      answers[1].file_descriptor_response.file_descriptor_proto.length === 1 && answers[2].error_response.error_code === 5, answers)
    reflection.close()
  }
}

async function late() {
  const metadata = new grpc.Metadata()
  metadata.set('grpc-timeout', '1n') // the client itself does not look at its clock
  const answer = await call(client, 'ModelInfer', infer(raw(rows)), metadata)
  check('late: DEADLINE_EXCEEDED, by the appliance', answer.code === grpc.status.DEADLINE_EXCEEDED && answer.details.includes('of 1 us'), answer)
  const own = await call(client, 'ModelInfer', infer(raw(rows)), null, { deadline: Date.now() - 1 })
  check('late by its own clock', own.code === grpc.status.DEADLINE_EXCEEDED, own)
}

// Rows, and a parameter that nobody knows, so that the message has so many bytes.
function sized(size) {
  const request = infer(Buffer.alloc(4 * FEATURES * 25000))
  const bytes = (pad) => client.ModelInfer.requestSerialize({ ...request, parameters: { pad: { string_param: 'x'.repeat(pad) } } }).length
  let pad = size - bytes(100000) + 100000
  pad += size - bytes(pad)
  return { ...request, parameters: { pad: { string_param: 'x'.repeat(pad) } } }
}

async function sizes() {
  const fits = sized(4 << 20)
  check('the message has 4 MiB', client.ModelInfer.requestSerialize(fits).length === 4 << 20)
  const answer = await call(client, 'ModelInfer', fits)
  check('4 MiB are scored', Boolean(answer.raw_output_contents) && answer.raw_output_contents[0].length === 25000 * 8, answer)
  const refused = await call(client, 'ModelInfer', sized((4 << 20) + 1))
  check('one byte more: RESOURCE_EXHAUSTED', refused.code === grpc.status.RESOURCE_EXHAUSTED && refused.details.includes('at most 4194304'), refused)
}

async function cancelled() {
  const large = infer(Buffer.alloc(4 * FEATURES * 2000))
  for (let i = 0; i < 200; i += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, k) =>
      call(client, 'ModelInfer', large, null, { began: (h) => (k % 2 ? setImmediate(() => h.cancel()) : setTimeout(() => h.cancel(), k)) })))
  }
  check('200 cancelled calls, and the connection goes on', isRight(await call(client, 'ModelInfer', infer(raw(rows)))))
}

async function many() {
  const request = infer(raw(rows))
  const others = Array.from({ length: 8 }, () => open(defined.inference.GRPCInferenceService, { 'grpc.use_local_subchannel_pool': 1 }))
  let answers = await Promise.all(Array.from({ length: 1000 }, () => call(client, 'ModelInfer', request)))
  check('1,000 streams at once, on one channel', answers.every(isRight), answers.find((a) => !isRight(a)))
  answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => call(others[i % 8], 'ModelInfer', request)))
  check('1,000 streams at once, on 8 channels', answers.every(isRight), answers.find((a) => !isRight(a)))
  others.forEach((o) => o.close())
}

async function main() {
  await scored()
  await others()
  await checked()
  await changes(address.startsWith('unix:'))
  await late()
  if (address.includes('127.0.0.1')) {
    await sizes()
    await cancelled()
    await many()
  }
  client.close()
  health.close()
}

main().catch((e) => check('no exception', false, String(e.stack)))
