import { serve } from "../main.ts";
import { leaveWithParent } from "./supervise.ts";

/** The demo's server process: the server as it is, which ends with the demo. */
leaveWithParent();
process.exitCode = await serve(process.argv.slice(2));
