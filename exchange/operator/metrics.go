package operator

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the operator API and the webhooks do. Its labels are
// methods, statuses, outcomes and the configured names of webhooks.
type Metrics struct {
	requests *prometheus.CounterVec
	webhooks *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_operator_requests_total", Help: "Requests to the operator API by method and HTTP status."}, []string{"method", "status"}),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_webhook_attempts_total", Help: "Attempts to tell a webhook of an event, by outcome."}, []string{"webhook", "outcome"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.webhooks} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Metrics) answered(method string, status int) {
	m.requests.WithLabelValues(method, strconv.Itoa(status)).Inc()
}

func (m *Metrics) told(webhook, outcome string) { m.webhooks.WithLabelValues(webhook, outcome).Inc() }

// Waiting returns the metric of how many entries a webhook has not come to yet.
func Waiting(webhook string, count func() int64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gateway_webhook_waiting", Help: "Entries of the record that a webhook has not come to yet.", ConstLabels: prometheus.Labels{"webhook": webhook},
	}, func() float64 { return float64(count()) })
}
