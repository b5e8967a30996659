/** The settings in use, and a configuration that is looked over before a restart. What is typed is the page's alone. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("settings", { en, de });
export { SettingsPage } from "./SettingsPage";
