import { useState } from "react";

export default function App() {
  const [tasks, setTasks] = useState(["Build the app", "Show the preview", "Take a siesta"]);
  const [text, setText] = useState("");

  function add(event) {
    event.preventDefault();
    if (text.trim() === "") return;
    setTasks([...tasks, text.trim()]);
    setText("");
  }

  return (
    <main>
      <h1>Today</h1>
      <ul>
        {tasks.map((task, i) => (
          <li key={i}>
            {task}
            <button onClick={() => setTasks(tasks.filter((_, j) => j !== i))}>Done</button>
          </li>
        ))}
      </ul>
      <form onSubmit={add}>
        <input value={text} onChange={(e) => setText(e.target.value)} aria-label="New task" />
        <button>Add</button>
      </form>
    </main>
  );
}
