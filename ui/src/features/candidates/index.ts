/** What might answer better: made of feedback, measured by the gate, promoted, taken back. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("candidates", { en, de });
export { CandidatesPage } from "./CandidatesPage";
