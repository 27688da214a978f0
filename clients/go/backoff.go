package signalbox

import (
	"context"
	"math/rand/v2"
	"time"
)

// retryPolicy says how long, and how often, calls are tried and watches resumed.
type retryPolicy struct {
	tryTimeout   time.Duration
	retryFor     time.Duration
	resumeFor    time.Duration
	firstBackoff time.Duration
	backoffMax   time.Duration
}

// wait is the wait after so many failed tries in a row: the first one doubled with each, moved by chance
// between half of it and all of it, and no shorter than what the server asked for.
func (p retryPolicy) wait(failures int, err error) time.Duration {
	whole := p.firstBackoff
	for range failures - 1 {
		if whole *= 2; whole >= p.backoffMax {
			whole = p.backoffMax
			break
		}
	}
	moved := time.Duration(float64(whole) * (0.5 + rand.Float64()/2))
	return max(moved, askedDelay(err))
}

// sleep waits, and returns why not if the context ends first.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
