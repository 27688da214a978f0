package session

import "time"

// Every bound of a session, named, with the reason for its value.
const (
	// ConcurrencyMax is how many attempts may run at once: with as many ended and not yet recorded they fit the
	// inventory of one Attach frame.
	ConcurrencyMax = 5_000
	// Attempts in an inventory, as the contract has it. No credit is given that could lead past it.
	inventoryMax = 10_000
	// Accepts or reports in one frame, as the contract has it.
	framePartsMax = 1_000
	// FrameBytesMax is one frame less what the frame itself takes: servers take messages of 4 MiB by default.
	FrameBytesMax = 4<<20 - 64<<10
	// The first wait before attaching again, so that a restarted server is not met by all its workers at once.
	reconnectDelayMin = 100 * time.Millisecond
	// The longest wait before attaching again; well under the usual lease.
	reconnectDelayMax = 2 * time.Second
	// A stream that stood for so long was a good one, and the next wait is the first one again.
	stableStream = 5 * time.Second
	// How long a server may take to answer Attach.
	attachedTimeout = 10 * time.Second
	// How often a worker pulses if the server does not say.
	defaultPulseInterval = 5 * time.Second
	// Pulse intervals without any frame: the stream is dead, whatever the connection says.
	silentPulsesMax = 3
	// How long a worker waits for the server to take its goodbye.
	leaveTimeout = 2 * time.Second
	// How long the word that a task has started waits; the end of a short task says it too.
	startDelay = 10 * time.Millisecond
)
