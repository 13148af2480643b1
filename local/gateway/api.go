package gateway

// API is the front door: what is routed, and which browsers may call.
type API struct {
	Routes []Route
	CORS   *CORS // nil: none
}

// Route sends a method and a path to a function.
type Route struct {
	Function string
	Method   string // ANY for all
	Path     string // with {name} for a segment and {name+} for the rest
	Open     bool   // no token needed
	Scopes   []string
}

// CORS is an HTTP API's CorsConfiguration.
type CORS struct {
	AllowOrigins     []string
	AllowMethods     []string
	AllowHeaders     []string
	ExposeHeaders    []string
	AllowCredentials bool
	MaxAge           int // seconds
}
