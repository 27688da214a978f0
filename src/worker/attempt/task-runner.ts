import type { SessionNotice, Ticket, TicketedAssignment, WorkerCommand } from "../session/thread-messages.ts";
import type { TaskFunction } from "../task-context.ts";
import { RunningAttempt } from "./running-attempt.ts";

/** The main thread's end of the session. */
export interface CommandLine {
  /** Sends a command with all others of this turn of the event loop. */
  post(command: WorkerCommand): void;
  /** Sends what is posted at once. */
  flush(): void;
}

/** What runs tasks of an op, and whether the worker beats for them. */
export interface Task {
  readonly run: TaskFunction;
  readonly beats: boolean;
}

/** Runs the tasks that the session is assigned, and hands each attempt what the session hears about it. */
export class TaskRunner {
  readonly #tasks: ReadonlyMap<string, Task>;
  readonly #line: CommandLine;
  readonly #namespace: string;
  readonly #attempts = new Map<Ticket, RunningAttempt>();

  /** `namespace` is the session's own. */
  constructor(
    tasks: ReadonlyMap<string, Task>,
    { line, namespace }: { readonly line: CommandLine; readonly namespace: string },
  ) {
    this.#tasks = tasks;
    this.#line = line;
    this.#namespace = namespace;
  }

  /** Takes a notice about attempts; others are left alone. */
  take(notice: SessionNotice): void {
    switch (notice.kind) {
      case "attached":
        for (const attempt of this.#attempts.values()) {
          attempt.reattached();
        }
        return;
      case "assigned":
        return this.#start(notice.assignments);
      case "recorded":
        for (const recorded of notice.reports) {
          if (this.#attempts.get(recorded.ticket)?.recorded(recorded) === true) {
            this.#attempts.delete(recorded.ticket);
          }
        }
        return;
      case "cancelled":
        return this.#attempts.get(notice.ticket)?.cancel(notice.cause, notice.graceMs);
      case "added":
        return this.#attempts.get(notice.ticket)?.added(notice);
      case "child-ended":
        return this.#attempts.get(notice.ticket)?.childEnded(notice);
      case "lost":
        this.#attempts.get(notice.ticket)?.lose(notice.cause);
        return this.#forgetIfOver(notice.ticket);
      case "declined":
      case "detached":
      case "draining":
      case "ended":
        return;
    }
  }

  /** Aborts what still runs, since the worker leaves. */
  giveBack(): void {
    for (const attempt of this.#attempts.values()) {
      attempt.giveBack();
    }
  }

  #start(assignments: readonly TicketedAssignment[]): void {
    const started: { ticket: Ticket; attempt: RunningAttempt }[] = [];
    for (const { ticket, assignment } of assignments) {
      const task = this.#tasks.get(assignment.op);
      if (task === undefined) {
        this.#line.post({ kind: "decline", ticket, cause: `the worker has no task ${assignment.op}` });
      } else {
        const post = (command: WorkerCommand) => this.#line.post(command);
        const options = { ticket, assignment, task, post, namespace: this.#namespace };
        started.push({ ticket, attempt: new RunningAttempt(options) });
      }
    }
    if (started.length === 0) {
      return;
    }
    this.#line.post({ kind: "accept", tickets: started.map(({ ticket }) => ticket) });
    // The first task may keep the event loop busy for longer than the server waits for an answer.
    this.#line.flush();
    for (const { ticket, attempt } of started) {
      this.#attempts.set(ticket, attempt);
      void attempt.run().then(() => this.#forgetIfOver(ticket));
    }
  }

  #forgetIfOver(ticket: Ticket): void {
    if (this.#attempts.get(ticket)?.isOver === true) {
      this.#attempts.delete(ticket);
    }
  }
}
