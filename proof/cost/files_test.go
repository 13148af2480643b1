package cost

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"siesta/local/template"
)

// A month is 730 hours everywhere, as on AWS's own pages.
const hours = 730

// price is what one of something costs.
type price struct {
	USD    float64
	Per    string
	Source string
}

// prices are those of prices.json.
type prices struct {
	Region, Month string
	Prices        map[string]price
}

// usd is one price. One that nobody has written down is a mistake of the test.
func (p prices) usd(name string) float64 {
	one, ok := p.Prices[name]
	if !ok {
		panic("prices.json has no " + name)
	}
	return one.USD
}

// measured is what make cost has measured, by what it is.
type measured struct {
	Command, Date, Machine string
	Poll                   float64 `json:"poll_seconds"`
	Takes                  map[string]taken
}

// taken is what one build, one wake or one run of reconcile takes.
type taken struct {
	Functions map[string]struct{ Calls, MS float64 }
	E2BCalls  float64 `json:"e2b_calls"`
	Sandbox   float64 `json:"sandbox_seconds"`
	LogBytes  float64 `json:"log_bytes"`
	Metrics   float64
}

// inputs are all that the page is made of.
type inputs struct {
	prices
	measured
	deployed     template.Template
	stack, store template.Node
}

func read(t *testing.T) (in inputs) {
	t.Helper()
	text := func(file string) []byte {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for file, into := range map[string]any{"prices.json": &in.prices, "measured.json": &in.measured} {
		decoder := json.NewDecoder(strings.NewReader(string(text(file))))
		if err := decoder.Decode(into); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	var err error
	if in.deployed, err = template.Read(text("../../template.yaml")); err != nil {
		t.Fatal(err)
	}
	if in.stack, err = template.Parse(text("../../template.yaml")); err != nil {
		t.Fatal(err)
	}
	if in.store, err = template.Parse(text("../../infra/stores.yaml")); err != nil {
		t.Fatal(err)
	}
	return in
}

// memory is what template.yaml gives a function, in GB.
func (in inputs) memory(function string) float64 {
	for _, f := range in.deployed.Functions {
		if f.Name == function {
			return float64(f.Memory) / 1024
		}
	}
	panic("template.yaml has no function " + function)
}

// behindAPI says whether a function is called by the API.
func (in inputs) behindAPI(function string) bool {
	for _, r := range in.deployed.Routes {
		if r.Function == function {
			return true
		}
	}
	return false
}

// behindQueue says whether a function is called by a queue.
func (in inputs) behindQueue(function string) bool {
	for _, f := range in.deployed.Functions {
		if f.Name == function {
			return f.Queue != ""
		}
	}
	return false
}
