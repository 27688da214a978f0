import type { NewAction } from "../../../gen/signalbox/v1/action_pb.ts";
import type {
  AddActions,
  AttachRequest,
  AttachResponse,
  AttemptReference,
  AttemptReport,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";

/** One thing that a worker says; a frame may say several. */
export type Said =
  | { readonly kind: "credit"; readonly amount: number }
  | { readonly kind: "accept"; readonly attempt: AttemptReference }
  | { readonly kind: "decline"; readonly attempt: AttemptReference; readonly cause: string }
  | { readonly kind: "report"; readonly attempt: AttemptReference; readonly report: AttemptReport }
  | { readonly kind: "addActions"; readonly attempt: AttemptReference; readonly call: AddActions }
  | { readonly kind: "pulse" }
  | { readonly kind: "drain" }
  | { readonly kind: "leave"; readonly cause: string };

/** What a thing of one kind is. */
export type SaidOf<K extends Said["kind"]> = Extract<Said, { kind: K }>;

/** What a frame says, in order. Parts without a reference are left out: the schema refuses them. */
export function saidBy({ frame }: AttachRequest): Said[] {
  switch (frame.case) {
    case "credit":
      return [{ kind: "credit", amount: frame.value.amount }];
    case "accept":
      return frame.value.attempts.map((attempt) => ({ kind: "accept", attempt }));
    case "decline": {
      const { attempt, cause } = frame.value;
      return attempt === undefined ? [] : [{ kind: "decline", attempt, cause }];
    }
    case "report":
      return frame.value.reports.flatMap((report) => {
        const { attempt } = report;
        return attempt === undefined ? [] : [{ kind: "report" as const, attempt, report }];
      });
    case "addActions": {
      const { attempt } = frame.value;
      return attempt === undefined ? [] : [{ kind: "addActions", attempt, call: frame.value }];
    }
    case "pulse":
    case "drain":
      return [{ kind: frame.case }];
    case "leave":
      return [{ kind: "leave", cause: frame.value.cause }];
    default:
      return [];
  }
}

/** What tells attempts apart: the same attempt under another lease is another one. */
export function referenceKey({ runId, action, attempt, epoch }: AttemptReference): string {
  return `${runId}/${action}#${attempt}@${epoch}`;
}

/** An attempt in the words of a verdict. */
export function nameAttempt({ action, attempt, epoch }: AttemptReference): string {
  return `attempt ${attempt} of ${action} under epoch ${epoch}`;
}

/** True of the reports after which nothing may follow. */
export function isEnd({ content }: AttemptReport): boolean {
  return content.case === "succeeded" || content.case === "failed" || content.case === "stopped";
}

/** What a worker said, in a few words, for the transcript. */
export function describeSaid(said: Said): string {
  switch (said.kind) {
    case "credit":
      return `Credit ${said.amount}`;
    case "accept":
      return `Accept ${nameAttempt(said.attempt)}`;
    case "decline":
      return `Decline ${nameAttempt(said.attempt)}: ${said.cause}`;
    case "report":
      return `Report ${said.report.sequence} of ${nameAttempt(said.attempt)}: ${describeContent(said.report)}`;
    case "addActions":
      return `AddActions for ${nameAttempt(said.attempt)}: ${said.call.actions.map(nameOf).join(", ")}`;
    case "pulse":
      return "Pulse";
    case "drain":
      return "Drain";
    case "leave":
      return `Leave: ${said.cause}`;
  }
}

/** What the server sends, in a few words, for the transcript. */
export function describeSent({ frame }: AttachResponse): string {
  const names = (references: readonly (AttemptReference | undefined)[]) =>
    references.map((one) => (one === undefined ? "nothing" : nameAttempt(one))).join(", ");
  switch (frame.case) {
    case undefined:
      return "a frame of a kind that does not exist";
    case "attached":
      return `Attached, keep ${names(frame.value.keep) || "nothing"}, drop ${names(frame.value.drop) || "nothing"}`;
    case "assign":
      return `Assign ${frame.value.assignments.map(({ attempt, op }) => `${names([attempt])} (${op})`).join(", ")}`;
    case "recorded":
      return `Recorded ${frame.value.reports
        .map(({ attempt, sequence, refusal }) => {
          const refused = refusal === undefined ? "" : ` refused with ${refusal.reason}`;
          return `${sequence} of ${names([attempt])}${refused}`;
        })
        .join(", ")}`;
    case "cancel":
      return `Cancel ${names(frame.value.attempts.map(({ attempt }) => attempt))}`;
    case "declined":
      return `Declined ${names([frame.value.attempt])}`;
    case "leave":
      return `Leave: ${frame.value.cause}`;
    default:
      return `${frame.case.charAt(0).toUpperCase()}${frame.case.slice(1)}`;
  }
}

function describeContent({ content }: AttemptReport): string {
  switch (content.case) {
    case "progress":
      return `progress ${content.value.percent} ${JSON.stringify(content.value.message)}`;
    case "log":
      return `log ${JSON.stringify(content.value.message.slice(0, 60))}`;
    case "event":
      return `event ${content.value.type}`;
    case "failed":
      return `failed ${content.value.type}: ${content.value.message.slice(0, 200)}`;
    case "stopped":
      return `stopped: ${content.value.message.slice(0, 200)}`;
    default:
      return String(content.case);
  }
}

function nameOf({ name }: NewAction): string {
  return name;
}
