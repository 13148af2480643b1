package cost

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	million = 1e6
	// Of Lambda's own lines about a call, and of API Gateway's about a request.
	platformLog, accessLog = 600, 400
	// keptMB is the code of a version and its log, packed; it is kept for keptMonths.
	keptMB, keptMonths = 0.2, 3
	// A message is sent, received and deleted.
	requestsOfAMessage = 3
	// The size of a sandbox by E2B's price page, if its template says nothing.
	vcpus, gib = 2, 0.5
)

// sandbox is what a second of a running sandbox costs.
func (in inputs) sandbox() float64 {
	return vcpus*in.usd("e2b_vcpu_second") + gib*in.usd("e2b_gib_second")
}

// cost is a line of a table, in USD.
type cost struct {
	what, how string
	usd       float64
}

// lambda is what the calls of one thing cost, by function.
func (in inputs) lambda(t taken) (rows []cost) {
	for _, name := range slices.Sorted(maps.Keys(t.Functions)) {
		if name == "snapshot" { // it stands for the end of the time awake
			continue
		}
		u := t.Functions[name]
		rows = append(rows, cost{"Lambda " + name, fmt.Sprintf("%.1f calls, %.0f ms, %.0f MB", u.Calls, u.MS, in.memory(name)*1024),
			million * (u.Calls*in.usd("lambda_call") + u.MS/1000*in.memory(name)*in.usd("lambda_gb_second"))})
	}
	return rows
}

// around is what comes with the calls of functions: API Gateway, SQS and logs.
func (in inputs) around(t taken) []cost {
	var requests, messages, calls float64
	for name, u := range t.Functions {
		switch {
		case name == "snapshot":
			continue
		case in.behindAPI(name):
			requests += u.Calls
		case in.behindQueue(name):
			messages += u.Calls
		}
		calls += u.Calls
	}
	bytes := t.LogBytes + calls*platformLog + requests*accessLog
	return []cost{
		{"API Gateway", fmt.Sprintf("%.1f requests", requests), million * requests * in.usd("api_request")},
		{"SQS", fmt.Sprintf("%.1f messages of %d requests", messages, requestsOfAMessage), million * messages * requestsOfAMessage * in.usd("sqs_request")},
		{"logs", fmt.Sprintf("%.1f KB", bytes/1000), million * bytes / 1e9 * in.usd("log_gb")},
	}
}

// builds are a million builds.
func (in inputs) builds() []cost {
	b := in.Takes["build"]
	rows := append(in.lambda(b), in.around(b)...)
	return append(rows,
		cost{"S3", fmt.Sprintf("code and log: 2 PUTs, %.1f MB for %d months", keptMB, keptMonths),
			million * (2*in.usd("s3_put") + keptMB/1000*keptMonths*in.usd("s3_gb_month"))})
}

// wakes are a million previews woken by resume, until each sleeps again.
func (in inputs) wakes() []cost {
	w := in.Takes["wake"]
	return append(in.lambda(w), in.around(w)...)
}

// slower is what a million builds cost more, on AWS, if each call to E2B takes 100 ms longer.
func (in inputs) slower() float64 {
	return million * in.Takes["build"].E2BCalls * 0.1 * in.memory("build") * in.usd("lambda_gb_second")
}

func sum(rows []cost) (usd float64) {
	for _, r := range rows {
		usd += r.usd
	}
	return usd
}

// table writes rows, their sum and what E2B bills for the sandboxes.
func table(rows []cost, sandboxes cost) string {
	var b strings.Builder
	b.WriteString("| what | for each | USD for a million |\n| --- | --- | --- |\n")
	line := func(r cost) { fmt.Fprintf(&b, "| %s | %s | %s |\n", r.what, r.how, money(r.usd)) }
	for _, r := range rows {
		line(r)
	}
	line(cost{"**AWS**", "", sum(rows)})
	line(sandboxes)
	return b.String()
}

// money has cents below a hundred, and commas above.
func money(usd float64) string {
	if usd < 100 {
		return fmt.Sprintf("%.2f", usd)
	}
	digits := fmt.Sprintf("%.0f", usd)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
