/** What people said of answers, reviewed one by one or many at once: the server's. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("inbox", { en, de });
export { InboxPage } from "./InboxPage";
