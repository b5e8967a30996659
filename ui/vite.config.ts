import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const BUILT = "../rag/api/static/ui";
const WORTH = 1_024;

/** Puts a compressed twin beside every file that is worth it, for the server to send as it is. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      for (const file of readdirSync(join(BUILT, "assets"), { recursive: true, withFileTypes: true })) {
        const path = join(file.parentPath, file.name);
        if (!file.isFile() || !/\.(js|mjs|css|svg|json)$/.test(file.name)) continue;
        const data = readFileSync(path);
        if (data.length > WORTH) writeFileSync(`${path}.gz`, gzipSync(data, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), compressed()],
  build: {
    outDir: BUILT,
    emptyOutDir: true,
    manifest: true,
    // The content policy lets nothing be loaded from data: addresses.
    assetsInlineLimit: 0,
    // The oldest that know light-dark(): it is left as it is written.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    chunkSizeWarningLimit: 1_500,
  },
  resolve: { alias: { "@": join(import.meta.dirname, "src") } },
  server: { proxy: { "/api": "http://127.0.0.1:8000", "/static": "http://127.0.0.1:8000" } },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});
