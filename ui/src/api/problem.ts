/** What went wrong, as the server says it (problem+json) or as the line to it failed. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly hint: string;
  readonly retryable: boolean;

  constructor(told: {
    status: number;
    code: string;
    title: string;
    detail: string;
    hint?: string;
    retryable?: boolean;
  }) {
    super(told.detail);
    this.name = "Problem";
    this.status = told.status;
    this.code = told.code;
    this.title = told.title;
    this.hint = told.hint ?? "";
    this.retryable = told.retryable ?? false;
  }
}

/** No answer at all: the server is not there, or the line to it. */
export function unreachable(): Problem {
  return new Problem({ status: 0, code: "unreachable", title: "", detail: "", retryable: true });
}

/** Reads a problem from whatever an answer or an event says; never fails. */
export function problemOf(said: unknown, status = 500): Problem {
  const told = typeof said === "object" && said !== null ? (said as Record<string, unknown>) : {};
  const text = (key: string) => (typeof told[key] === "string" ? told[key] : "");
  return new Problem({
    status: typeof told["status"] === "number" ? told["status"] : status,
    code: text("code") || "unknown",
    title: text("title"),
    detail: text("detail"),
    hint: text("hint"),
    retryable: told["retryable"] === true,
  });
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return error instanceof TypeError
    ? unreachable()
    : new Problem({ status: 500, code: "page", title: "", detail: String(error) });
}
