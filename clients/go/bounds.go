package signalbox

import "time"

// Every bound of the client, named, with the reason for its value. Those with an option are its default.
const (
	// One try of a call: a server that is well answers in milliseconds, and a lost answer is asked for again.
	tryTimeout = 10 * time.Second
	// All tries of one call: longer than a server takes to start again, shorter than people wait.
	retryFor = 30 * time.Second
	// Without a frame before a watch that was cut gives up: longer than an upgrade of a server takes.
	resumeFor = 10 * time.Minute
	// The first wait between tries, so that a server that has just started is not met by all at once.
	firstBackoff = 100 * time.Millisecond
	// The longest wait between tries, so that clients are back soon after their server.
	longestBackoff = 5 * time.Second
	// The first frame of a watch, which a server sends at once; a stream without one is opened again.
	firstFrameTimeout = 15 * time.Second
	// Between pings of a connection on which nothing comes, so that a peer that vanished is noticed. gRPC
	// allows no less.
	pingInterval = 10 * time.Second
	// The answer to a ping.
	pingTimeout = 10 * time.Second
	// One answer or frame: more than a server makes of one transaction or page, and safe to hold.
	answerBytesMax = 64 << 20
	// Levels of JSON: each costs three of the 100 that protobuf readers in most languages accept.
	jsonLevelsMax = 30
	// Events that one consumer of a subscription takes without an acknowledgement, unless it says.
	consumerInFlightMax = 100
	// Acknowledgements in one frame, as the contract has it.
	acknowledgedPerFrameMax = 1_000
	// Between two signs of life of a consumer: what proxies take for a dead stream is longer.
	beatInterval = 5 * time.Second
	// How long a consumer that leaves waits for its last acknowledgements to be durable.
	leaveTimeout = 2 * time.Second
)
