// The harness: named checks that run one after the other, each with its own
// time limit, and a count at the end.

const limit = 60_000

export class Suite {
  passed = 0
  failed = 0

  constructor(label) {
    this.label = label
  }

  // check runs fn; what it throws is the difference that is printed.
  async check(name, fn) {
    let timer
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no result after ${limit / 1000} s`)), limit)
    })
    try {
      await Promise.race([fn(), late])
      this.passed++
    } catch (error) {
      this.failed++
      console.log(`${this.label}: ${name}: ${error.name}: ${error.message}`)
    } finally {
      clearTimeout(timer)
    }
  }
}

export function equal(got, want, what = 'value') {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)]
  if (g !== w) throw new Error(`${what} is ${g}, want ${w}`)
}

export function truthy(got, what) {
  if (!got) throw new Error(`not so: ${what}`)
}

// rejects demands that promise fails with exactly the named class of error,
// and returns the error.
export async function rejects(promise, className) {
  let result
  try {
    result = await promise
  } catch (error) {
    if (error.constructor.name === className || error.name === className) return error
    throw new Error(`it fails with ${error.name}: ${error.message}; want ${className}`)
  }
  throw new Error(`it succeeds with ${JSON.stringify(result)}, want ${className}`)
}
