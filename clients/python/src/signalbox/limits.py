"""Every bound of the client and the worker, named, with the reason for its value.

Durations are in seconds. Those with an option of the same meaning are its default.
"""

CALL_ATTEMPT_TIMEOUT = 10.0
"""10 s for one try of a call: a server that is well answers in milliseconds, and a lost answer is asked for
again.
"""

CALL_RETRY_TIME = 30.0
"""30 s of tries for one call: longer than a server takes to start again, shorter than people wait."""

WATCH_RESUME_TIME = 600.0
"""10 minutes without a frame before a watch that was cut gives up: longer than an upgrade of a server
takes.
"""

INITIAL_BACKOFF = 0.1
"""100 ms: the first wait between tries, so that a server that has just started is not met by all at once."""

BACKOFF_MAX = 5.0
"""5 s: the longest wait between tries, so that clients are back soon after their server."""

FIRST_FRAME_TIMEOUT = 15.0
"""15 s for the first frame of a watch, which a server sends at once; a stream without one is opened again."""

PING_INTERVAL_MS = 10_000
"""10 s between pings of a connection on which nothing comes, so that a peer that vanished is noticed."""

PING_TIMEOUT_MS = 10_000
"""10 s for the answer to a ping."""

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""64 MiB in one answer or frame: more than a server makes of one transaction or page."""

RUNS_PER_BATCH_MAX = 1_000
"""1,000 runs in one message, as the contract has it."""

JSON_LEVELS_MAX = 30
"""30 levels of JSON: each costs three of the 100 levels that protobuf readers in most languages accept."""

BEAT_INTERVAL = 5.0
"""5 s between the beats of a consumer of a subscription, which keep its stream alive."""

# The worker.

CONCURRENCY_MAX = 1_000
"""1,000 attempts at once: as many sync functions take as many threads."""

HELD_MAX = 2_000
"""2,000 attempts held, those that wait for children among them: no credit is given that could lead past
it.
"""

FRAME_PARTS_MAX = 1_000
"""1,000 accepts, reports or children in one frame, as the contract has it."""

FRAME_BYTES_MAX = 4 * 1024 * 1024 - 64 * 1024
"""4 MiB in one frame, less what the frame itself takes: servers take messages of 4 MiB by default."""

OUTPUT_BYTES_MAX = 1024 * 1024
"""1 MiB: the outputs of one attempt or step in all. What is larger is kept elsewhere and referred to."""

OUTPUTS_MAX = 1_000
"""1,000 outputs of one attempt or step, as the contract has it."""

NAME_LENGTH_MAX = 128
"""128 characters of an output's name or an error's type, as the contract has it."""

MESSAGE_LENGTH_MAX = 16_384
"""16,384 characters of a log line or an error's message; what is longer is cut."""

CAUSE_LENGTH_MAX = 4_096
"""4,096 characters of a progress message or a cause; what is longer is cut."""

STACK_LENGTH_MAX = 65_536
"""65,536 characters of a stack; what is longer is cut."""

WAITING_LOGS_MAX = 1_000
"""1,000 log lines of an attempt not yet recorded: one that logs faster loses lines, and a later line says how
many.
"""

WAITING_EVENTS_MAX = 1_000
"""1,000 events of an attempt not yet recorded: one that publishes faster has to wait for them."""

RECONNECT_DELAY_MIN = 0.1
"""100 ms: the first wait before attaching again, so that a restarted server is not met by all workers at
once.
"""

RECONNECT_DELAY_MAX = 2.0
"""2 s: the longest wait before attaching again; well under the usual lease."""

STABLE_STREAM_TIME = 5.0
"""5 s: a stream that stood for so long was a good one, and the next wait is the first one again."""

ATTACHED_TIMEOUT = 10.0
"""10 s: how long a server may take to answer Attach."""

PULSE_INTERVAL_DEFAULT = 5.0
"""5 s: how often a worker pulses if the server does not say."""

SILENT_PULSES_MAX = 3
"""3 pulse intervals without any frame: the stream is dead, whatever the connection says."""

LEAVE_TIMEOUT = 2.0
"""2 s: how long a worker waits for the server to take its goodbye."""

STOP_GRACE = 10.0
"""10 s: how long `stop` lets attempts finish unless it is told otherwise."""

HEARTBEAT_INTERVAL_MIN = 0.01
"""10 ms: the shortest interval of heartbeats, however short the timeout."""

START_DELAY = 0.01
"""10 ms: how long the word that a task has started waits; the end of a short task says it too."""
