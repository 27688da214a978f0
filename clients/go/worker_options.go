package signalbox

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"time"
)

// WorkerOptions say how a worker is made. The zero value is fine.
type WorkerOptions struct {
	// ID is its name, unique in the namespace: a new process under a name takes the place of the old one, which
	// then stops with [ErrSuperseded]. Made of host, process and chance unless said.
	ID string
	// Namespace is the one it works for; the client's unless said.
	Namespace string
	// SharedNamespaces are further namespaces whose tasks it takes; they share it by their weights.
	SharedNamespaces []string
	// Concurrency is how many attempts run at once, up to 5,000; 10 unless said. One that waits in
	// [Task.Condition] or [Task.Child] leaves its place to another, so that parents never keep their own
	// children from running; when its wait is over it goes on at once, so that for a while there may be more.
	Concurrency int
	// Capacity is what it has to give to tasks that ask for resources.
	Capacity *Capacity
	// Labels are for people and for placement.
	Labels map[string]string
	// Taints keep tasks from it that do not say that they bear them.
	Taints []*Taint
	// DrainTimeout is how long attempts may go on once the context of Run has ended; what has not finished then
	// is given back: its attempt has failed, and its retry policy decides. 0 waits for as long as they take.
	DrainTimeout time.Duration
	// AutoHeartbeat beats for every task that has a heartbeat timeout, so that only a dead worker misses it, and
	// never a task that hangs. See [Task.Heartbeat].
	AutoHeartbeat bool
	// Logger is where it says what happens to its session; slog.Default() unless said.
	Logger *slog.Logger
}

const defaultConcurrency = 10

// nameWorker makes a name of host, process and chance.
func nameWorker() string {
	host, _ := os.Hostname()
	host = regexp.MustCompile(`[^A-Za-z0-9._-]`).ReplaceAllString(host, "-")
	host = regexp.MustCompile(`^[^A-Za-z0-9]+`).ReplaceAllString(host, "")
	if host == "" {
		host = "worker"
	}
	return fmt.Sprintf("%.80s-%d-%s", host, os.Getpid(), randomHex(3))
}

func randomHex(bytes int) string {
	chance := make([]byte, bytes)
	// It never fails: a machine without randomness ends the program.
	_, _ = rand.Read(chance)
	return hex.EncodeToString(chance)
}
