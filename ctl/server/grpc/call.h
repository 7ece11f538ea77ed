// SPDX-License-Identifier: BSD-3-Clause
// One call of gRPC: messages out of its stream's bytes, the method that they are for, its deadline, and how it
// ends. What carries the stream is somebody else's (struct call_transport). Control thread only.
//
// A call ends once, with a status; whoever answers it later than that, or than its stream, is not heard.
#pragma once

#include "ctl/server/grpc/frames.h"
#include "ctl/server/grpc/proto_read.h"
#include "ctl/server/grpc/status.h"
#include "ctl/server/http/http.h"
#include "ctl/server/http/route.h"

struct call;
struct event;
struct server;
struct evbuffer;

// A stream of HTTP/2. None of these calls back into the call.
struct call_transport {
	// Sends a message, whose bytes become the transport's; before the first one the answer's headers.
	void (*send)(void *stream, struct evbuffer *message);
	// Ends the answer with a status and a message as grpc_message_encode() makes it. What the client may
	// still send is thrown away.
	void (*end)(void *stream, enum grpc_status status, const char *message);
	// Bytes of the answer that have not left yet.
	size_t (*waiting)(void *stream);
};

struct call_peer {
	struct who who;
	int refused; // the HTTP status of a credential that is none; 0: there is nothing against it
	const char *why; // ... a sentence
	bool is_late;    // http_is_late()
	unsigned serves; // enum route_service
	const char *text;
};

// What a method does with its messages.
struct call_method {
	const char *path; // "/inference.GRPCInferenceService/ModelInfer"
	unsigned service; // enum route_service: one of them must be the listener's; 0: whatever
	enum role role;   // that it takes at the least
	bool changes;     // something: who asked is recorded
	bool has_stream; // message() is called for each as it comes; else once, when it is known to be one
	bool is_long; // may be open for ever: nobody waits for its end
	// A message, which may be changed.
	void (*message)(struct call *call, struct proto_text message);
	// The client has sent all of its messages. NULL: the call waits for something else.
	void (*end)(struct call *call);
	const void *arg; // the method's own
};

struct call_head {
	const char *path;
	const struct call_method *method; // methods_find()'s
	const char *timeout;              // NULL: none
	struct bound_share share;         // for messages
};

struct call {
	struct server *server;
	const struct call_method *method; // NULL: it was refused at once
	const struct call_transport *transport;
	void *stream; // the transport's
	struct call_peer peer;
	struct frames frames;
	uint32_t n_messages;
	bool has_ended;                 // a status was sent
	uint64_t deadline_us, begun_ns; // 0: none; of clock_ns()
	struct event *timer;
	struct http_request
		*request; // what a handler still has to reply to, and who gets the reply
	void (*reply)(struct call *call, int status, const char *text, size_t size);
	_Atomic(bool) *cancelled; // to be set where nobody waits for that any more; NULL: nothing
	// Of who watches: watch.c's. leave(): the call is over.
	void (*leave)(struct call *call);
	struct call *next, **link;
	char *watched;
	int said;
};

// NULL without memory. It may have ended at once.
struct call *call_open(struct server *server, const struct call_transport *transport, void *stream,
	const struct call_peer *peer, const struct call_head *head);
// Bytes of the client's.
void call_take(struct call *call, const char *data, size_t size);
void call_take_end(struct call *call);
// The stream is gone. What is under way for it is not waited for.
void call_close(struct call *call);

// --- For methods ---------------------------------------------------------------------------------

// message[size] behind the prefix that this adds.
void call_send(struct call *call, const char *message, size_t size);
__attribute__((format(printf, 3, 4))) void call_end(
	struct call *call, enum grpc_status status, const char *format, ...);
// A request as handlers of REST take it, whose reply is given to reply(); `text`, a JSON body, may be NULL. One
// at a time. NULL without memory: the call has ended.
struct http_request *call_request(struct call *call,
	void (*reply)(struct call *call, int status, const char *text, size_t size),
	const char *text);
// Takes the message at hand out of the call: malloc'ed, with a zero behind it, and the share that holds it.
struct proto_text call_take_message(struct call *call, struct bound_share *share);
// Whether who asks is still known by what he was known by when the call began; otherwise it ends. For calls that
// stay open.
bool call_holds(struct call *call);
// What is left of the call's deadline in us; 0: there is none.
uint64_t call_left_us(const struct call *call);
