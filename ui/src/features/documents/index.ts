/** What was read: the list, the text and the chunks. All of it is the server's; the search is in the address. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("documents", { en, de });
export { DocumentsPage } from "./DocumentsPage";
