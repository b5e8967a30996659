/** Which models there are, which answers, and what they cost. All of it is the server's; a form's is its own. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("models", { en, de });
export { ModelPage } from "./ModelPage";
export { ModelsPage } from "./ModelsPage";
