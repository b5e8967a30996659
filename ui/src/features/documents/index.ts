/** What was read: the list, the text and the pieces. All of it is the server's; what is sought and open is in the address. */
import { addWords } from "@/app/words";
import "@/features/source";
import "@/features/sources";
import de from "./de.json";
import en from "./en.json";

addWords("documents", { en, de });
export { DocumentsPage } from "./DocumentsPage";
