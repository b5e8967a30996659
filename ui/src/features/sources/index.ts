/** What is read, and how it is going. All of it is the server's; what is being added is the form's. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("sources", { en, de });
export { AddSourcePage } from "./AddSourcePage";
export { SourcePage } from "./SourcePage";
export { SourcesPage } from "./SourcesPage";
