package signalbox

// Reason is why a request was declined; docs/errors.md of the server says what to do about each. It is an error
// so that errors.Is(err, ReasonRunNotFound) asks whether err is a refusal for that reason. A newer server may
// know reasons that are not here.
type Reason string

// Error names the reason.
func (r Reason) Error() string { return string(r) }

// The reasons there are.
const (
	ReasonInvalidRequest        Reason = "INVALID_REQUEST"
	ReasonRunNotFound           Reason = "RUN_NOT_FOUND"
	ReasonRunExists             Reason = "RUN_EXISTS"
	ReasonRunEnded              Reason = "RUN_ENDED"
	ReasonRunNotEnded           Reason = "RUN_NOT_ENDED"
	ReasonRunSucceeded          Reason = "RUN_SUCCEEDED"
	ReasonActionNotFound        Reason = "ACTION_NOT_FOUND"
	ReasonActionEnded           Reason = "ACTION_ENDED"
	ReasonActionNotCondition    Reason = "ACTION_NOT_CONDITION"
	ReasonAlreadyAnswered       Reason = "ALREADY_ANSWERED"
	ReasonSignalTypeMismatch    Reason = "SIGNAL_TYPE_MISMATCH"
	ReasonOpNotFound            Reason = "OP_NOT_FOUND"
	ReasonRequestIDReused       Reason = "REQUEST_ID_REUSED"
	ReasonLimitReached          Reason = "LIMIT_REACHED"
	ReasonTokenInvalid          Reason = "TOKEN_INVALID"
	ReasonFilterChanged         Reason = "FILTER_CHANGED"
	ReasonCursorExpired         Reason = "CURSOR_EXPIRED"
	ReasonStaleEpoch            Reason = "STALE_EPOCH"
	ReasonSessionGone           Reason = "SESSION_GONE"
	ReasonAttachExpected        Reason = "ATTACH_EXPECTED"
	ReasonWorkerNotFound        Reason = "WORKER_NOT_FOUND"
	ReasonActionExists          Reason = "ACTION_EXISTS"
	ReasonStopping              Reason = "STOPPING"
	ReasonStoreUnavailable      Reason = "STORE_UNAVAILABLE"
	ReasonTooSlow               Reason = "TOO_SLOW"
	ReasonOpInUse               Reason = "OP_IN_USE"
	ReasonInputsInvalid         Reason = "INPUTS_INVALID"
	ReasonAttemptsExhausted     Reason = "ATTEMPTS_EXHAUSTED"
	ReasonAttemptNotFound       Reason = "ATTEMPT_NOT_FOUND"
	ReasonLimitNotFound         Reason = "LIMIT_NOT_FOUND"
	ReasonSubscriptionNotFound  Reason = "SUBSCRIPTION_NOT_FOUND"
	ReasonSubscriptionExists    Reason = "SUBSCRIPTION_EXISTS"
	ReasonSubscriptionNotPulled Reason = "SUBSCRIPTION_NOT_PULLED"
	ReasonOpenExpected          Reason = "OPEN_EXPECTED"
	ReasonAddressForbidden      Reason = "ADDRESS_FORBIDDEN"
	ReasonNatsNotConfigured     Reason = "NATS_NOT_CONFIGURED"
	ReasonUnauthenticated       Reason = "UNAUTHENTICATED"
	ReasonFilterInvalid         Reason = "FILTER_INVALID"
	ReasonAnswerInvalid         Reason = "ANSWER_INVALID"
	ReasonNotAllowed            Reason = "NOT_ALLOWED"
	ReasonInstanceChanged       Reason = "INSTANCE_CHANGED"
	ReasonCorrelationNotFound   Reason = "CORRELATION_NOT_FOUND"
	ReasonCorrelationAmbiguous  Reason = "CORRELATION_AMBIGUOUS"
	ReasonAlreadyClaimed        Reason = "ALREADY_CLAIMED"
	ReasonConditionNotOpen      Reason = "CONDITION_NOT_OPEN"
	ReasonLinkInvalid           Reason = "LINK_INVALID"
	ReasonLinkExpired           Reason = "LINK_EXPIRED"
	ReasonLinkUsed              Reason = "LINK_USED"
)
