/** What an answer cites, at its exact place. Documents are the server's; here is only how they look. */
import { lazy } from "react";
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("source", { en, de });
export { SourceBeside } from "./SourceBeside";
/** Loaded when a PDF is opened: it is larger than all of the rest. */
export const PdfPage = lazy(() => import("./PdfPage"));
