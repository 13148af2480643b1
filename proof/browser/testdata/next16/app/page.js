import Counter from "./counter";
import { greet } from "./greet";

export default function Page() {
  return (
    <main>
      <h1>Today</h1>
      <Counter greet={greet} />
    </main>
  );
}
