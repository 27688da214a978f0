package signalbox

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"
)

// watch is a stream of frames that goes on by itself. Behind it is one stream after another:
//
//	          frame            cut: UNAVAILABLE, reset, no frame in time
//	OPENING ─────────▶ FOLLOWING ───────────────────────────────────▶ WAITING (backoff)
//	   ▲                  │ the last frame, break, cancel, a refusal:      │
//	   │                  ▼ the end                                        │
//	   └───────────────────────────────────────────────────────────────────┘
//
// The cursor moves when a frame is received, so that the next stream begins exactly behind the last frame
// that was yielded.
type watch[F any] struct {
	// open opens a stream behind a cursor; without one, at its own beginning.
	open func(ctx context.Context, cursor string) (grpc.ServerStreamingClient[F], error)
	// cursorOf is the frame's cursor; empty while a snapshot is not complete, which cannot be resumed midway.
	cursorOf func(*F) string
	// isBookmark reports whether the frame says nothing but where the watch stands.
	isBookmark func(*F) bool
	// isLast reports whether nothing comes after the frame.
	isLast func(*F) bool
}

// resumed is a frame, and whether a snapshot that was cut begins again with it.
type resumed[F any] struct {
	frame     *F
	restarted bool
}

// errNoFrame is a stream on which nothing came, although a server sends the first frame at once.
var errNoFrame = errors.New("no frame came in time")

// follow yields the frames of a watch across cuts, restarts and upgrades of the server: none is left out and
// none comes twice. A refusal, the end of the context, or an [*UnavailableError] when nothing came for too long
// is the last thing yielded. Nothing is read ahead: who takes frames slowly costs neither side memory.
func follow[F any](ctx context.Context, c *Client, w watch[F], start string) iter.Seq2[resumed[F], error] {
	return func(yield func(resumed[F], error) bool) {
		f := follower[F]{watch: w, cursor: start, yield: yield}
		policy := c.settings.retry
		giveUpAfter := policy.retryFor
		heardAt := time.Now()
		for {
			heard, err := f.stream(ctx)
			if f.isOver {
				return
			}
			if ctx.Err() != nil {
				yield(resumed[F]{}, context.Cause(ctx))
				return
			}
			if err != nil && !isCut(err) {
				yield(resumed[F]{}, err)
				return
			}
			if !heard.IsZero() {
				heardAt, giveUpAfter = heard, policy.resumeFor
			}
			wait := policy.wait(f.failures, err)
			if time.Since(heardAt)+wait > giveUpAfter {
				yield(resumed[F]{}, &UnavailableError{Target: c.settings.target, Tries: f.failures, Err: err})
				return
			}
			// Why the wait ended early is told above.
			_ = sleep(ctx, wait)
		}
	}
}

// follower is where a watch stands between its streams.
type follower[F any] struct {
	watch        watch[F]
	yield        func(resumed[F], error) bool
	cursor       string
	failures     int
	isInSnapshot bool
	// isOver is true after the last frame, and when the reader wants no more.
	isOver bool
}

// stream follows one stream to its end, and says when its last frame was taken and why it ended.
func (f *follower[F]) stream(ctx context.Context) (heardAt time.Time, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(firstFrameTimeout, func() { cancel(errNoFrame) })
	defer silence.Stop()
	stream, err := f.watch.open(ctx, f.cursor)
	for isFirst := true; err == nil; isFirst = false {
		var frame *F
		if frame, err = stream.Recv(); err == nil {
			silence.Stop()
			f.take(frame, isFirst)
			heardAt = time.Now()
			if f.isOver {
				return heardAt, nil
			}
		}
	}
	f.failures++
	return heardAt, readError(ctx, err)
}

func (f *follower[F]) take(frame *F, isFirst bool) {
	cursor := f.watch.cursorOf(frame)
	isAgain := isFirst && f.failures > 0 && f.watch.isBookmark(frame) && cursor == f.cursor
	restarted := isFirst && f.isInSnapshot
	f.failures = 0
	f.isInSnapshot = cursor == ""
	if cursor != "" {
		f.cursor = cursor
	}
	isTaken := isAgain || f.yield(resumed[F]{frame, restarted}, nil)
	f.isOver = !isTaken || f.watch.isLast(frame)
}

// isCut reports whether a stream that ended so is to be opened again. A reader that was too slow goes on from
// its cursor like one whose connection was cut.
func isCut(err error) bool {
	for _, cut := range []error{io.EOF, errNoFrame, errBehind, ReasonTooSlow} {
		if errors.Is(err, cut) {
			return true
		}
	}
	return isTransient(err)
}

// never is for watches without a last frame.
func never[F any](*F) bool { return false }
