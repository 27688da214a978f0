package signalbox

import (
	"fmt"
	"reflect"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// Bounds of outputs, as the contract has them.
const (
	outputBytesMax = 1 << 20
	outputsMax     = 1_000
	nameLengthMax  = 128
)

// toOutcome makes outputs of what a task returned: a struct or a map by name, nothing for nil, and anything else
// as the output value. What cannot be, or is too large, fails the action for good: doing it again would not help.
func toOutcome(returned any) (*pb.Succeeded, error) {
	if isNothing(returned) {
		return &pb.Succeeded{}, nil
	}
	if _, ok := namedFields(returned); ok {
		values, err := toValues(returned, "the output")
		return measured(values, err)
	}
	if values, ok := returned.(Values); ok {
		return measured(values.messages, nil)
	}
	value, err := toValue(returned, "the output")
	return measured(map[string]*pb.Value{"value": value}, err)
}

// toStepOutcome makes the output value of what a step returned.
func toStepOutcome(returned any) (*pb.Succeeded, error) {
	value, err := toValue(returned, "the result of the step")
	return measured(map[string]*pb.Value{"value": value}, err)
}

func measured(outputs map[string]*pb.Value, err error) (*pb.Succeeded, error) {
	if err != nil {
		return nil, NonRetryable(TypedError("OutputInvalid", err))
	}
	if len(outputs) > outputsMax {
		err := fmt.Errorf("there are %d outputs, and at most %d may be", len(outputs), outputsMax)
		return nil, NonRetryable(TypedError("OutputInvalid", err))
	}
	for name := range outputs {
		if length := utf8.RuneCountInString(name); length == 0 || length > nameLengthMax || !utf8.ValidString(name) {
			err := fmt.Errorf("the name of an output has 1 to %d characters: %q", nameLengthMax, clip(name, 200))
			return nil, NonRetryable(TypedError("OutputInvalid", err))
		}
	}
	succeeded := &pb.Succeeded{Outputs: outputs}
	if size := proto.Size(succeeded); size > outputBytesMax {
		err := fmt.Errorf("the outputs take %d bytes, and at most %d may be; "+
			"keep it elsewhere and return a Reference to it", size, outputBytesMax)
		return nil, NonRetryable(TypedError("OutputTooLarge", err))
	}
	return succeeded, nil
}

// isNothing reports whether a task returned nothing: nil, a nil pointer or map.
func isNothing(returned any) bool {
	if returned == nil {
		return true
	}
	switch value := reflect.ValueOf(returned); value.Kind() {
	case reflect.Pointer, reflect.Map:
		return value.IsNil()
	default:
		return false
	}
}
