// Package cost has no code of its own. Its tests compute docs/cost.md, what Siesta
// costs, from what make cost has measured, public prices, and the templates.
package cost
