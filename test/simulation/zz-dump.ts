const { SimulatedWorld } = await import("/work/main/test/simulation/world/simulated-world.ts");
const [seed, run, ...names] = process.argv.slice(2);
const w = new SimulatedWorld({ seed: Number(seed), steps: 1500 });
const r = await w.run();
console.log(r.violations.map((v: string) => v.slice(0, 400)));
for (const t of w.disk.transactions) t.events.forEach((e, i) => { if (e.runId === run || (names[0] && JSON.stringify(e).includes(names[0]))) console.log(String(t.first + BigInt(i)), e.timeMs - 1700000000000, e.runId, e.action, JSON.stringify(e.detail).slice(0, 260)); });
