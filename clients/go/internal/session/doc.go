// Package session holds a worker's session with its server, as docs/worker-stream.md of the server has it: it
// attaches, keeps what is held, says again what is not yet durable, and attaches again for as long as it is not
// told to leave. It runs no tasks: what it hears goes to its [Events], what tasks say comes in by its methods.
//
//	Session   one goroutine, the loop of Run, decides everything about streams
//	link      one stream; two goroutines read and write it, one pulses
//	outbox    what is held and what is left to say, across all streams
package session
