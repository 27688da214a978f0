package signalbox_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

// deadline is how long a test waits for anything at all. Nothing is expected to take it.
const deadline = 60 * time.Second

// server is a started server with data of its own.
type server struct {
	// Its address, host:port, the same over restarts.
	address string
	data    string
	flags   []string
	process *exec.Cmd
}

// shared is one server for all tests that do not stop theirs; each works in a namespace of its own.
var shared struct {
	once   sync.Once
	server *server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.kill(syscall.SIGTERM)
		_ = os.RemoveAll(shared.server.data)
	}
	os.Exit(code)
}

// sharedServer is the server that tests share.
func sharedServer(t *testing.T) *server {
	t.Helper()
	shared.once.Do(func() {
		data, err := os.MkdirTemp("", "signalbox-go-")
		if err != nil {
			shared.err = err
			return
		}
		shared.server = &server{address: "127.0.0.1:0", data: data}
		shared.err = shared.server.start()
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// ownServer is a server that only this test uses, and may stop.
func ownServer(t *testing.T, flags ...string) *server {
	t.Helper()
	own := &server{address: "127.0.0.1:0", data: t.TempDir(), flags: flags}
	if err := own.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.kill(syscall.SIGTERM) })
	return own
}

// start starts the server, on the port that it had before, and waits until it listens.
func (s *server) start() error {
	root, err := repository()
	if err != nil {
		return err
	}
	port := s.address[strings.LastIndex(s.address, ":")+1:]
	arguments := append([]string{
		filepath.Join(root, "src/main.ts"), "--port", port, "--data", s.data, "--log-level", "warn",
	}, s.flags...)
	s.process = exec.Command(filepath.Join(root, "node_modules/.bin/node"), arguments...)
	s.process.Stderr = os.Stderr
	output, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the server did not start: %w", err)
	}
	s.address = strings.TrimPrefix(strings.TrimSpace(line), "signalbox listens on http://")
	return nil
}

// kill ends the server by its own id, and waits until it is gone.
func (s *server) kill(signal syscall.Signal) {
	_ = s.process.Process.Signal(signal)
	_ = s.process.Wait()
}

// restart kills the server as a power cut would, and starts it again.
func (s *server) restart(t *testing.T) {
	t.Helper()
	s.kill(syscall.SIGKILL)
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// repository is where the server's sources are.
func repository() (string, error) {
	if root := os.Getenv("TEST_SERVER_ROOT"); root != "" {
		return root, nil
	}
	return filepath.Abs("../..")
}

// dial is a client in a namespace that only this test uses.
func (s *server) dial(t *testing.T, options ...signalbox.DialOption) *signalbox.Client {
	t.Helper()
	options = append([]signalbox.DialOption{signalbox.WithNamespace(uniqueName("t"))}, options...)
	client, err := signalbox.Dial(s.address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// within is a context that ends with the test's deadline.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

func uniqueName(prefix string) string {
	chance := make([]byte, 6)
	_, _ = rand.Read(chance)
	return prefix + "-" + hex.EncodeToString(chance)
}

// work runs a worker until the test ends, and then waits for it to leave.
func work(
	t *testing.T, client *signalbox.Client, options signalbox.WorkerOptions, ops func(*signalbox.Worker),
) *signalbox.Worker {
	t.Helper()
	if options.Logger == nil {
		options.Logger = slog.New(slog.NewTextHandler(testLog{t}, nil))
	}
	worker := signalbox.NewWorker(client, options)
	ops(worker)
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error, 1)
	go func() { left <- worker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := receive(t, left); err != nil {
			t.Errorf("the worker ended with %v", err)
		}
	})
	return worker
}

// receive waits for what comes on a channel, until the deadline.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case received := <-from:
		return received
	case <-time.After(deadline):
		t.Fatal("nothing came in time")
		panic("unreachable")
	}
}

// must is what a call returned; any error ends the test: must(client.GetRun(ctx, id))(t).
func must[T any](result T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
}

// collect is everything that a sequence yields.
func collect[T any](t *testing.T, from iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for item, err := range from {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

// testLog writes to the log of a test.
type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Log(strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

// readSource is the text of a file of this package.
func readSource(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
