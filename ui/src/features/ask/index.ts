/**
 * Asking. Conversations and ratings are the server's (TanStack Query), an answer in the making is
 * `live.ts`'s, the open source and the filters are the address's, what is being typed is the page's.
 */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("ask", { en, de });
export { AskPage } from "./AskPage";
export { SharedPage } from "./SharedPage";
