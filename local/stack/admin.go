package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"siesta/local/e2bsim"
	"siesta/local/runtimeapi"
)

// functionError is the header of an invocation's answer that says that the
// function failed, as Lambda's own API has it.
const functionError = "X-Amz-Function-Error"

// admin answers what only the runner of the system knows: the bill, the
// functions themselves, and the simulator's own API below /_sim/. It asks for no
// key, so it is for programs of this machine alone.
func (s *Stack) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bill", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Runtime.Bills())
	})
	mux.HandleFunc("POST /invoke/{function}", func(w http.ResponseWriter, r *http.Request) {
		event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, runtimeapi.MaxPayload))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		answer, failed, err := s.Invoke(r.Context(), r.PathValue("function"), event)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if failed != "" {
			w.Header().Set(functionError, failed)
		}
		_, _ = w.Write(answer)
	})
	if s.E2B != nil {
		mux.Handle("/_sim/", s.E2B.AdminHandler())
	} else {
		mux.HandleFunc("GET /_sim/sandboxes", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[]") })
	}
	return e2bsim.FromHere(mux)
}

// Admin is the admin address of a system that runs elsewhere.
type Admin string

// Invoke calls a function of that system; failed is how it failed, if it did.
func (a Admin) Invoke(ctx context.Context, function string, event []byte) (answer []byte, failed string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(a)+"/invoke/"+function, bytes.NewReader(event))
	if err != nil {
		return nil, "", fmt.Errorf("invoke %s: %w", function, err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, header, err := do(req)
	return answer, header.Get(functionError), err
}

// Bill is what the functions of that system have cost so far.
func (a Admin) Bill(ctx context.Context) (bills []runtimeapi.Bill, err error) {
	return bills, a.get(ctx, "/bill", &bills)
}

// Sandboxes are the simulator's sandboxes, with what each has cost; none with
// E2B elsewhere.
func (a Admin) Sandboxes(ctx context.Context) (sandboxes []e2bsim.Info, err error) {
	return sandboxes, a.get(ctx, "/_sim/sandboxes", &sandboxes)
}

func (a Admin) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(a)+path, nil)
	if err != nil {
		return fmt.Errorf("get %s: %w", path, err)
	}
	body, _, err := do(req)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("decode %s: %w", path, err)
	}
	return nil
}

func do(req *http.Request) ([]byte, http.Header, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the running system: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the running system: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("ask the running system: %s: %s", resp.Status, bytes.TrimSpace(body))
	}
	return body, resp.Header, nil
}
