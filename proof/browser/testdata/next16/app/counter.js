"use client";
import { useState } from "react";

export default function Counter({ greet }) {
  const [count, setCount] = useState(0);
  const [greeting, setGreeting] = useState("");
  return (
    <section>
      <h2>Count</h2>
      <button id="count" onClick={() => setCount(count + 1)}>
        {count}
      </button>
      <button id="greet" onClick={async () => setGreeting(await greet("visitor"))}>
        {greeting}
      </button>
    </section>
  );
}
