import type { Schemas } from "@/api/client";

export type Citation = Schemas["Citation"];
export type Claim = Schemas["Claim"];
export type Conflict = Schemas["Conflict"];
export type Exchange = Schemas["Exchange"];

/** A turn as the page shows it: what the server keeps, and what is only known while it is made. */
export interface Turn extends Exchange {
  /** Titles that were looked at; told with the answer, not kept. */
  searched?: string[];
  confidence?: number;
  cached?: boolean;
}
