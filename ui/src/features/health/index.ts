/** Whether every part works, and how the service is kept. All of it is the server's. */
import { addWords } from "@/app/words";
import de from "./de.json";
import en from "./en.json";

addWords("health", { en, de });
export { HealthPage } from "./HealthPage";
