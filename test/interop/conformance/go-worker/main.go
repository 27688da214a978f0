// Command go-worker is the Go worker that the conformance kit is run against; docs/conformance.md has its
// contract.
//
//	signalbox conformance worker -- ./go-worker
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatalf("the worker has stopped: %v", err)
	}
}

func run(ctx context.Context) error {
	options := []signalbox.DialOption{signalbox.WithNamespace(os.Getenv("SIGNALBOX_NAMESPACE"))}
	if token := os.Getenv("SIGNALBOX_TOKEN"); token != "" {
		options = append(options, signalbox.WithBearerToken(token))
	}
	client, err := signalbox.Dial(os.Getenv("SIGNALBOX_SERVER"), options...)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	worker := signalbox.NewWorker(client, signalbox.WorkerOptions{Concurrency: 4})
	worker.Handle("conformance/echo", echo)
	signalbox.HandleFunc(worker, "conformance/sleep", sleep)
	signalbox.HandleFunc(worker, "conformance/fail", fail)
	signalbox.HandleFunc(worker, "conformance/progress", progress)
	signalbox.HandleFunc(worker, "conformance/ask", ask)
	return worker.Run(ctx)
}

func echo(_ context.Context, task *signalbox.Task) (signalbox.Outputs, error) {
	outputs := signalbox.Outputs{}
	for name, value := range task.Inputs().Any() {
		outputs[name] = value
	}
	return outputs, nil
}

type sleepTime struct {
	MS int64 `json:"ms"`
}

func sleep(ctx context.Context, _ *signalbox.Task, slept sleepTime) (sleepTime, error) {
	select {
	case <-time.After(time.Duration(slept.MS) * time.Millisecond):
		return slept, nil
	case <-ctx.Done():
		return slept, context.Cause(ctx)
	}
}

type failure struct {
	Type         string `json:"type"`
	Message      string `json:"message"`
	NonRetryable bool   `json:"non_retryable"`
}

func fail(_ context.Context, _ *signalbox.Task, told failure) (struct{}, error) {
	err := signalbox.TypedError(told.Type, errors.New(told.Message))
	if told.NonRetryable {
		err = signalbox.NonRetryable(err)
	}
	return struct{}{}, err
}

type stepCount struct {
	Steps int `json:"steps"`
}

func progress(ctx context.Context, task *signalbox.Task, count stepCount) (stepCount, error) {
	execution := rand.Text()
	for step := 1; step <= count.Steps; step++ {
		message := fmt.Sprintf("step %d", step)
		task.Progress(float64(100*step)/float64(count.Steps), message)
		task.Log(message)
		payload := map[string]any{"step": step, "execution": execution}
		event := signalbox.NewEvent{Type: "conformance.step", Payload: payload}
		if err := task.Event(ctx, event); err != nil {
			return count, err
		}
	}
	return count, nil
}

type question struct {
	Prompt string `json:"prompt"`
}

type answer struct {
	Answer signalbox.Value `json:"answer"`
}

func ask(ctx context.Context, task *signalbox.Task, asked question) (answer, error) {
	given, err := task.Condition(ctx, "answer", signalbox.Bool, signalbox.Prompt(asked.Prompt))
	return answer{given}, err
}
