package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/operator"
)

// A webhookFollower is a webhook as it runs.
type webhookFollower struct {
	name string
	*exchange.Follower
}

// followerName is how the store knows a webhook.
func followerName(webhook string) string { return "webhook/" + webhook }

// openWebhooks wires the webhooks, a follower of the record for each.
func (n *node) openWebhooks(metrics *operator.Metrics) error {
	n.webhooks = nil
	for i := range n.cfg.Webhooks {
		cfg := &n.cfg.Webhooks[i]
		f, err := n.openWebhook(cfg, metrics)
		if err != nil {
			return usageError{fmt.Errorf("webhook %s: %w", cfg.Name, err)}
		}
		for _, other := range n.webhooks {
			if other.name == cfg.Name {
				return usagef("two webhooks have the name %s", cfg.Name)
			}
		}
		if err := n.collected.Register(operator.Waiting(cfg.Name, func() int64 { return f.Status().Waiting })); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
		n.webhooks = append(n.webhooks, webhookFollower{cfg.Name, f})
	}
	return nil
}

func (n *node) openWebhook(cfg *WebhookConfig, metrics *operator.Metrics) (*exchange.Follower, error) {
	client, err := outsideClient(cfg.URL, cfg.Anchors)
	if err != nil {
		return nil, err
	}
	secrets, err := readSecrets(cfg.SecretFile)
	if err != nil {
		return nil, err
	}
	webhook, err := operator.NewWebhook(operator.WebhookConfig{
		Self: n.cfg.Self, Name: cfg.Name, URL: cfg.URL, Secrets: secrets, Officer: cfg.Officer, Events: cfg.Events,
		Roster: n.roster, Feed: n.feed, Client: client, Clock: time.Now, Recorded: n.now, Logger: n.log, Metrics: metrics,
	})
	if err != nil {
		return nil, err
	}
	return exchange.NewFollower(exchange.FollowerConfig{
		Name: followerName(cfg.Name), Store: n.db, Reader: n.db, Handle: webhook.Handle, FromNow: true, Clock: time.Now, Logger: n.log,
	})
}

// readSecrets reads a file of secrets that only its owner may read.
func readSecrets(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, hint(fmt.Errorf("open the secret: %w", err), "make one with 'gateway webhook secret "+path+"'")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, hint(fmt.Errorf("the secret %s can be read by others", path), "chmod 600 "+path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	var secrets []string
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			secrets = append(secrets, line)
		}
	}
	return secrets, nil
}

// runWebhooks follows the record for every webhook until ctx ends.
func (n *node) runWebhooks(ctx context.Context) {
	var wait sync.WaitGroup
	for _, w := range n.webhooks {
		wait.Go(func() { w.Run(ctx) })
	}
	wait.Wait()
}

// webhookWarnings says which webhooks could not be told for a while.
func (n *node) webhookWarnings() []string {
	var out []string
	for _, w := range n.webhooks {
		if s := w.Status(); !s.Since.IsZero() && time.Since(s.Since) > time.Minute {
			out = append(out, fmt.Sprintf("webhook %s: it could not be told since %s; %d entries wait", w.name, s.Since.UTC().Format(time.RFC3339), s.Waiting))
		}
	}
	return out
}

func newWebhook() *cobra.Command {
	cmd := &cobra.Command{Use: "webhook", Short: "Make a webhook's secret, and show how far webhooks have come"}
	verbs(cmd)
	cmd.AddCommand(newWebhookSecret(), newWebhookList())
	return cmd
}

func newWebhookSecret() *cobra.Command {
	var add bool
	cmd := &cobra.Command{
		Use:   "secret FILE",
		Short: "Make a secret for a webhook, in a file that only you can read",
		Long: `secret writes a new random secret (whsec_…) to FILE, mode 600. Give the same
secret to the receiver over a safe channel: it verifies each event with it.

To replace a secret, add a second one with --add: events then carry a signature
of each. When the receiver knows the new one, delete the old line.`,
		Args: exactArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			key := make([]byte, 32)
			if _, err := rand.Read(key); err != nil {
				return fmt.Errorf("draw a secret: %w", err)
			}
			mode := os.O_CREATE | os.O_EXCL
			if add {
				mode = os.O_APPEND
			}
			file, err := os.OpenFile(args[0], os.O_WRONLY|mode, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return hint(usagef("%s exists already", args[0]), "add a second secret to it with --add")
			}
			if err != nil {
				return usageError{fmt.Errorf("write the secret: %w", err)}
			}
			_, err = fmt.Fprintln(file, "whsec_"+base64.StdEncoding.EncodeToString(key))
			if err = errors.Join(err, file.Close()); err != nil {
				return fmt.Errorf("write the secret: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s holds a new secret; name it as secret_file of the webhook, and give it to the receiver over a safe channel\n", args[0])
			return err
		},
	}
	cmd.Flags().BoolVar(&add, "add", false, "add it to a file that exists")
	return cmd
}

// A webhookLine is one webhook in webhook list --json.
type webhookLine struct {
	Name    string   `json:"name"`
	Officer string   `json:"officer"`
	Events  []string `json:"events,omitempty"`
	Begun   bool     `json:"begun"`
	Next    int64    `json:"next"`    // the entry that it comes to next
	Waiting int64    `json:"waiting"` // entries that it has not come to yet
}

func newWebhookList() *cobra.Command {
	var from nodeFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the configured webhooks and how far each has come",
		Args:  exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := from.openUnproved(cmd.Context())
			if err != nil {
				return err
			}
			defer n.close()
			lines, err := n.webhookLines(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), lines)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tOFFICER\tWAITING\tEVENTS")
			for _, l := range lines {
				events := "all"
				if len(l.Events) > 0 {
					events = strings.Join(l.Events, " ")
				}
				waiting := fmt.Sprint(l.Waiting)
				if !l.Begun {
					waiting = "not begun"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.Name, l.Officer, waiting, events)
			}
			return w.Flush()
		},
	}
	from.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (n *node) webhookLines(ctx context.Context) ([]webhookLine, error) {
	head, err := n.db.Head(ctx)
	if err != nil {
		return nil, err
	}
	lines := []webhookLine{}
	for _, cfg := range n.cfg.Webhooks {
		line := webhookLine{Name: cfg.Name, Officer: cfg.Officer, Events: cfg.Events}
		next, err := n.db.Place(ctx, followerName(cfg.Name))
		switch {
		case err == nil:
			line.Begun, line.Next, line.Waiting = true, next, head.Size-next
		case !errors.Is(err, exchange.ErrNotFound):
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}
