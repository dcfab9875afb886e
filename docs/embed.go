// Package docs carries the documents that the gateway serves.
package docs

import _ "embed"

// OpenAPI is the exchange API's description (OpenAPI 3.1), served at
// /openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
