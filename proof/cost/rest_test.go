package cost

import (
	"fmt"
	"strings"

	"siesta/local/template"
)

const (
	minuteRuns = hours * 60
	// Lambda asks a queue that is empty by five long polls of 20 s at a time.
	pollsAMonth = 5 * hours * 3600 / 20
	// The least that they bill.
	restingACU, proxyACU, valkeyGB = 0.5, 8, 0.1
)

// count counts the resources of a type in a template, with those of production or without.
func count(root template.Node, kind string, production bool) (n int) {
	for _, id := range root.At("Resources").Keys() {
		r := root.At("Resources", id)
		if r.At("Type").Text() == kind && (production || r.At("Condition").Text() != "IsProduction") {
			n++
		}
	}
	return n
}

// alarmMetrics are the metrics that alarms look at, each of which is billed.
func alarmMetrics(root template.Node) (n int) {
	for _, id := range root.At("Resources").Keys() {
		r := root.At("Resources", id)
		if r.At("Type").Text() != "AWS::CloudWatch::Alarm" {
			continue
		}
		if r.At("Properties", "MetricName").Text() != "" {
			n++
		}
		for _, m := range r.At("Properties", "Metrics").List() {
			if len(m.At("MetricStat").Keys()) > 0 {
				n++
			}
		}
	}
	return n
}

// resting is what the stack of template.yaml costs in a month in which nobody calls.
func (in inputs) resting() []cost {
	times := func(what, how string, n int, unit string) cost {
		return cost{what, fmt.Sprintf(how, n), float64(n) * in.usd(unit)}
	}
	queues := 0
	for _, f := range in.deployed.Functions {
		if f.Queue != "" {
			queues++
		}
	}
	r := in.Takes["reconcile"]
	var run float64
	for _, c := range in.lambda(r) {
		run += c.usd
	}
	for _, c := range in.around(r) {
		run += c.usd
	}
	rows := []cost{
		times("alarms", "%d metrics", alarmMetrics(in.stack), "alarm_month"),
		times("dashboard; an account's first three are free", "%d", count(in.stack, "AWS::CloudWatch::Dashboard", true), "dashboard_month"),
		times("metrics that reconcile writes; an account's first ten are free", "%d", int(r.Metrics), "metric_month"),
		times("secrets: yours for E2B, and those that the stack makes", "%d", 1+count(in.stack, "AWS::SecretsManager::Secret", true), "secret_month"),
		{"reconcile, its schedule and its logs", fmt.Sprintf("%d runs", minuteRuns), minuteRuns * (run/million + in.usd("schedule_call"))},
		times("empty queues, asked by Lambda; a million requests are free", "%d requests", queues*pollsAMonth, "sqs_request"),
	}
	if n := count(in.stack, "AWS::CloudWatch::CompositeAlarm", true); n > 0 {
		rows = append(rows, times("composite alarms", "%d", n, "composite_alarm_month"))
	}
	return rows
}

// stores is what infra/stores.yaml costs in a month.
func (in inputs) stores(production bool) []cost {
	nats, instances := count(in.store, "AWS::EC2::NatGateway", production), count(in.store, "AWS::RDS::DBInstance", production)
	rows := []cost{
		{"NAT gateways with their addresses", fmt.Sprint(nats),
			hours * (float64(nats)*in.usd("nat_hour") + float64(count(in.store, "AWS::EC2::EIP", production))*in.usd("address_hour"))},
		{"Aurora, kept awake by reconcile", fmt.Sprintf("%d at %.1f ACU", instances, restingACU), hours * float64(instances) * restingACU * in.usd("aurora_acu_hour")},
		{"RDS Proxy", "none", 0},
		{"Valkey, serverless", fmt.Sprintf("%.1f GB", valkeyGB), hours * valkeyGB * in.usd("valkey_gb_hour")},
		{"alarms", fmt.Sprintf("%d metrics", alarmMetrics(in.store)), float64(alarmMetrics(in.store)) * in.usd("alarm_month")},
		// The database's own, which AWS makes and bills.
		{"the secret of the database's master", "1", in.usd("secret_month")},
	}
	if count(in.store, "AWS::RDS::DBProxy", production) > 0 {
		rows[2] = cost{"RDS Proxy", fmt.Sprintf("%d ACU", proxyACU), hours * proxyACU * in.usd("proxy_acu_hour")}
	}
	return rows
}

// restTable has what costs at rest, with stores of one's own and with those of infra/stores.yaml.
func (in inputs) restTable() string {
	var b strings.Builder
	b.WriteString("| the stack | how many | USD a month |\n| --- | --- | --- |\n")
	stack := in.resting()
	for _, r := range stack {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.what, r.how, money(r.usd))
	}
	fmt.Fprintf(&b, "| **all** | | %s |\n", money(sum(stack)))
	dev, prod := in.stores(false), in.stores(true)
	b.WriteString("\n| infra/stores.yaml | dev | USD a month | production | USD a month |\n| --- | --- | --- | --- | --- |\n")
	for i := range dev {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", dev[i].what, dev[i].how, money(dev[i].usd), prod[i].how, money(prod[i].usd))
	}
	fmt.Fprintf(&b, "| **all** | | %s | | %s |\n", money(sum(dev)), money(sum(prod)))
	own := in.usd("secret_month")
	b.WriteString("\n| stage | USD a month |\n| --- | --- |\n")
	fmt.Fprintf(&b, "| stores of your own, no VPC, one more secret | %s, and what those cost |\n", money(sum(stack)+own))
	fmt.Fprintf(&b, "| with infra/stores.yaml, dev | %s |\n", money(sum(stack)+sum(dev)))
	fmt.Fprintf(&b, "| with infra/stores.yaml, production | %s |\n", money(sum(stack)+sum(prod)))
	return b.String()
}
