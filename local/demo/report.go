package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"text/tabwriter"

	"siesta/local/client"
	"siesta/shared/job"
)

// report shows the pause and the same facts as three places tell them, and what
// it all cost. It is an error if two places differ.
func (d *demo) report(ctx context.Context, id string, status client.Told) error {
	if d.inside == nil {
		return outside(status)
	}
	row, err := d.inside.store.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("read the row: %w", err)
	}
	cached, ok, err := d.inside.cache.Get(ctx, id)
	if err != nil || !ok {
		return fmt.Errorf("read the cache: found %v, %w", ok, err)
	}
	fmt.Printf("Its sandbox was asleep    %d ms after READY, at %s\n\n",
		row.PausedAt.Sub(row.CompletedAt).Milliseconds(), row.PausedAt.Local().Format("15:04:05.000"))
	rows := [][4]string{
		{"status", string(status.Status), string(row.Status), string(cached.Status)},
		{"sandbox_state", string(status.SandboxState), string(row.SandboxState), string(cached.SandboxState)},
		{"sandbox_paused", fmt.Sprint(status.SandboxPaused), fmt.Sprint(row.SandboxPaused), fmt.Sprint(cached.SandboxPaused)},
		{"build_version", client.Text(status.BuildVersion), row.BuildVersion, cached.BuildVersion},
		{"framework", client.Text(status.Framework), row.Plan.Framework, cached.Plan.Framework},
		{"port", port(status.Port), fmt.Sprint(row.Plan.Shown()), fmt.Sprint(cached.Plan.Shown())},
		{"preview_url", client.Text(status.PreviewURL), row.PreviewURL, cached.PreviewURL},
		{"revision", fmt.Sprint(status.Revision), fmt.Sprint(row.Revision), fmt.Sprint(cached.Revision)},
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  \tGET status\tPostgres\tRedis")
	differ := false
	for _, r := range rows {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", r[0], r[1], r[2], r[3])
		differ = differ || r[1] != r[2] || r[2] != r[3]
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := d.cost(ctx, row); err != nil {
		return err
	}
	if differ {
		return errors.New("the three places differ")
	}
	return nil
}

// outside shows what the API tells of a job that sleeps.
func outside(status client.Told) error {
	fmt.Print("Its sandbox is asleep\n\n")
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  \tGET status")
	for _, r := range [][2]string{
		{"status", string(status.Status)}, {"sandbox_state", string(status.SandboxState)}, {"sandbox_paused", fmt.Sprint(status.SandboxPaused)},
		{"build_version", client.Text(status.BuildVersion)}, {"framework", client.Text(status.Framework)}, {"port", port(status.Port)},
		{"preview_url", client.Text(status.PreviewURL)}, {"revision", fmt.Sprint(status.Revision)},
	} {
		fmt.Fprintf(t, "  %s\t%s\n", r[0], r[1])
	}
	return t.Flush()
}

// farewell says how to go on.
func (d *demo) farewell(ctx context.Context, id string) error {
	switch {
	case d.inside == nil:
	case d.stays:
		shared, err := client.Wanted(http.StatusCreated)(d.user.Call(ctx, http.MethodPost, "/api/generation/"+id+"/share", nil, nil))
		if err != nil {
			return err
		}
		fmt.Printf("\nOpen it:  %s\n", shared.Told.ShareURL)
		fmt.Printf("Wake it:  . .local/env; curl -X POST -H \"Authorization: Bearer $TOKEN\" $API_URL/api/generation/%s/resume\n", id)
	default:
		fmt.Print("\nThe system stops now. To wake a preview and open it, keep one up with make run, and make demo beside it.\n")
	}
	return nil
}

// port is that of a status; 0: it is not known.
func port(told *int) string {
	if told == nil {
		return "0"
	}
	return fmt.Sprint(*told)
}

// cost shows what Lambda and E2B would bill for the job.
func (d *demo) cost(ctx context.Context, row job.Job) error {
	now, err := d.inside.bill(ctx)
	if err != nil {
		return err
	}
	fmt.Println("\nWhat it cost")
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, name := range []string{"start", "build", "pause", "status"} {
		b := now[name].since(d.inside.began[name])
		note := ""
		if name == "status" {
			note = "(this demo asked ten times a second)"
		}
		fmt.Fprintf(t, "  Lambda %s\t%d ms billed\t%d calls\t%s\n", name, b.billed.Milliseconds(), b.calls, note)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	sandboxes, err := d.inside.admin.Sandboxes(ctx)
	if err != nil {
		return err
	}
	if len(sandboxes) == 0 {
		fmt.Println("  E2B sandbox   on E2B's own bill")
	}
	for _, s := range sandboxes {
		if s.ID == row.SandboxID {
			fmt.Printf("  E2B sandbox   %.1f s, %.6f USD; every idle hour would have added %.2f USD\n", s.Bill.Seconds, s.Bill.USD, s.Bill.USD/s.Bill.Seconds*3600)
		}
	}
	return nil
}
