// Package signalbox is the Go client of Signalbox, a service that queues the actions of runs, streams them to
// workers, holds a run at a condition until a typed signal arrives, and streams every event.
//
// A [Client] creates runs, follows them and answers their conditions:
//
//	client, err := signalbox.Dial("127.0.0.1:7233")
//	run, err := client.CreateRun(ctx, signalbox.TaskOf("publish", signalbox.Inputs{"path": "a.txt"}))
//	_, err = client.Signal(ctx, run.GetRunId(), "main/approve", true)
//	run, err = client.WaitRun(ctx, run.GetRunId())
//
// A [Worker] executes tasks:
//
//	worker := signalbox.NewWorker(client, signalbox.WorkerOptions{Concurrency: 20})
//	worker.Handle("publish", func(ctx context.Context, task *signalbox.Task) (signalbox.Outputs, error) {
//		approved, err := task.Condition(ctx, "approve", signalbox.Bool, signalbox.Prompt("Publish?"))
//		...
//	})
//	err = worker.Run(ctx)
//
// What the server keeps is read as the messages of its contract, which live in package signalboxv1 below gen;
// this package names the common ones itself ([Run], [Action], [Event], …). What callers state is plain Go, and
// values are too: see [NewValue] for what stands for what.
//
// Every call takes a context first and returns errors as values. A request that the server understood and
// declined is a [*RefusedError], and errors.Is(err, signalbox.ReasonRunNotFound) asks for its reason. Calls
// that change something carry a request id, so that each is done once however often it is sent, and all calls
// are tried again while the server is away.
package signalbox
