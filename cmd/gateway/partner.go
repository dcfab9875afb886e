package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

func newPartner() *cobra.Command {
	cmd := &cobra.Command{Use: "partner", Short: "Check partner files, list partners, and look after what waits for them"}
	verbs(cmd)
	cmd.AddCommand(newPartnerCheck(), newPartnerList(), newPartnerQueue(), newPartnerRetry())
	return cmd
}

// A partnerLine is one partner in partner list --json.
type partnerLine struct {
	Code     string `json:"code"`
	Name     string `json:"name"`
	Status   string `json:"status"`
	Endpoint string `json:"endpoint"`
	Due      int64  `json:"due"`
	Dead     int64  `json:"dead"`
}

func newPartnerList() *cobra.Command {
	var from nodeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List partners: status, endpoint, and how much waits",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := from.openUnproved(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			if err := n.openRegistry(cmd.Context()); err != nil {
				return err
			}
			backlog, err := n.db.Backlog(cmd.Context())
			if err != nil {
				return err
			}
			lines := []partnerLine{}
			for _, p := range n.registry.Current().All() {
				lines = append(lines, partnerLine{p.Code, p.Name.EN, string(p.Status), p.Endpoint, backlog[p.Code].Due, backlog[p.Code].Dead})
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), lines)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "CODE\tSTATUS\tDUE\tDEAD\tENDPOINT\tNAME")
			for _, l := range lines {
				fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", l.Code, l.Status, l.Due, l.Dead, l.Endpoint, l.Name)
			}
			return w.Flush()
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// A queueLine is one message that waits, in partner queue --json.
type queueLine struct {
	ID       string        `json:"jti"`
	State    string        `json:"state"`
	Due      time.Time     `json:"due"`
	Attempts []attemptLine `json:"attempts"`
}

type attemptLine struct {
	Number  int       `json:"number"`
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome"`
	Status  int       `json:"status,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

func newPartnerQueue() *cobra.Command {
	var from nodeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "queue PARTNER",
		Short: "Show what waits for a partner or was given up, with every attempt",
		Args:  exactArgs("PARTNER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := from.openUnproved(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			lines, err := queueOf(cmd.Context(), n.db, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), lines)
			}
			if len(lines) == 0 {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "nothing waits for %s\n", args[0])
				return err
			}
			for _, l := range lines {
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  due %s\n", l.ID, l.State, l.Due.Format(time.RFC3339))
				for _, a := range l.Attempts {
					fmt.Fprintf(cmd.OutOrStdout(), "    %d  %s  %s %d  %s\n", a.Number, a.At.Format(time.RFC3339), a.Outcome, a.Status, a.Detail)
				}
			}
			return nil
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// maxQueueShown bounds what queue prints.
const maxQueueShown = 200

func queueOf(ctx context.Context, db *store.DB, partner string) ([]queueLine, error) {
	out := []queueLine{}
	for _, state := range []exchange.JobState{exchange.JobDead, exchange.JobDue} {
		jobs, err := db.Queue(ctx, partner, state, maxQueueShown)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			attempts, err := db.Attempts(ctx, partner, j.Ref)
			if err != nil {
				return nil, err
			}
			line := queueLine{ID: j.Ref, State: string(state), Due: j.DueAt, Attempts: []attemptLine{}}
			for _, a := range attempts {
				line.Attempts = append(line.Attempts, attemptLine{a.Number, a.At, a.Outcome, a.Status, a.Detail})
			}
			out = append(out, line)
		}
	}
	return out, nil
}

func newPartnerRetry() *cobra.Command {
	var from nodeFlag
	var id, officer string
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "retry PARTNER (--id JTI | --all)",
		Short: "Try messages again that were given up; the record says who",
		Args:  exactArgs("PARTNER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (id == "") == !all {
				return usagef("name one message with --id, or all of them with --all")
			}
			n, err := from.open(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			if officer == "" {
				officer = systemUser()
			}
			revived, err := n.oversight.RetryFor(cmd.Context(), officer, args[0], id)
			if err != nil {
				return err
			}
			if revived == 0 && id != "" {
				return usagef("no message %s to %s was given up", id, args[0])
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]int{"revived": revived})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d message(s) are due again; a running gateway carries them\n", revived)
			return err
		},
	}
	from.add(cmd)
	cmd.Flags().StringVar(&id, "id", "", "the message's `jti`")
	cmd.Flags().BoolVar(&all, "all", false, "every message that was given up")
	cmd.Flags().StringVar(&officer, "officer", "", "who asks; the system user when empty")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// systemUser is who works at this machine.
func systemUser() string {
	u, err := user.Current()
	if err != nil { // a container may have no name for it
		return fmt.Sprintf("uid %d", os.Getuid())
	}
	return u.Username
}
