package signalbox_test

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	signalbox "github.com/signalbox/signalbox/clients/go"
)

// newToken makes a token in a file, as an operator does.
func newToken(t *testing.T, file, subject string, groups ...string) string {
	t.Helper()
	root := must(repository())(t)
	arguments := []string{
		filepath.Join(root, "bin/signalbox.js"), "token", "create", "--subject", subject, "--file", file,
	}
	for _, group := range groups {
		arguments = append(arguments, "--group", group)
	}
	output, err := exec.Command(filepath.Join(root, "node_modules/.bin/node"), arguments...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.Fields(string(output)) {
		if strings.HasPrefix(word, "sbx_") {
			return word
		}
	}
	t.Fatalf("there is no token in %s", output)
	return ""
}

func TestCallersBringTheirTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.json")
	token := newToken(t, file, "go")
	server, ctx := ownServer(t, "--tokens-file", file), within(t)
	for name, option := range map[string]signalbox.DialOption{
		"a bearer token": signalbox.WithBearerToken(token), "an API key": signalbox.WithAPIKey(token),
	} {
		t.Run(name, func(t *testing.T) {
			client := server.dial(t, option)
			work(t, client, options{}, func(worker *signalbox.Worker) {
				worker.Handle("op", func(context.Context, task) (outputs, error) { return nil, nil })
			})
			if run := execute(t, client, "op", nil); run.GetState() != signalbox.RunSucceeded {
				t.Errorf("the run ended %s", run.GetState())
			}
		})
	}
	stranger := server.dial(t)
	if _, err := stranger.GetRun(ctx, "any"); !errors.Is(err, signalbox.ReasonUnauthenticated) {
		t.Errorf("a call without a token came to %v", err)
	}
	for _, err := range stranger.WatchEvents(ctx, nil) {
		if !errors.Is(err, signalbox.ReasonUnauthenticated) {
			t.Errorf("a watch without a token came to %v", err)
		}
	}
	worker := signalbox.NewWorker(stranger, options{})
	worker.Handle("op", func(context.Context, task) (outputs, error) { return nil, nil })
	if err := worker.Run(ctx); !errors.Is(err, signalbox.ReasonUnauthenticated) {
		t.Errorf("a worker without a token ended with %v", err)
	}
}
