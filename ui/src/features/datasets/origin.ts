/** Where a row came from, as its provenance says. */
export interface Origin {
  cluster: string;
  people: number;
  score: number;
  text_by?: "person" | "model";
  redaction_rev: string;
  traces: Traced[];
  opinions: { event: string; rater: string; value: number; expert: boolean }[];
}

export interface Traced {
  id: string;
  question: string;
  standalone: string;
  asked_at: string;
  asker: string;
  model: string;
  output_training_policy: "allow" | "deny" | "unknown";
  prompt: { template: string; sha256: string };
  generation: string;
  consent: { purposes: ("training" | "retrieval" | "evaluation")[] };
  documents: { id: string; version: number; chunk: string; in_context: boolean; cited: boolean }[];
}
