/** Why a search finds what it finds, by two configurations. The server's; the question and both are in the address. */
import { addWords } from "@/app/words";
import "@/features/source";
import de from "./de.json";
import en from "./en.json";

addWords("playground", { en, de });
export { PlaygroundPage } from "./PlaygroundPage";
