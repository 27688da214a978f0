package signalbox

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// fromValue is a value as a plain Go value. A value of a kind that is not known is nil.
func fromValue(message *pb.Value) any {
	switch kind := message.GetKind().(type) {
	case *pb.Value_BoolValue:
		return kind.BoolValue
	case *pb.Value_IntValue:
		return kind.IntValue
	case *pb.Value_FloatValue:
		return kind.FloatValue
	case *pb.Value_StringValue:
		return kind.StringValue
	case *pb.Value_BytesValue:
		return kind.BytesValue
	case *pb.Value_JsonValue:
		return kind.JsonValue.AsInterface()
	case *pb.Value_Reference:
		return toReference(kind.Reference)
	default:
		return nil
	}
}

func toReference(reference *pb.ValueReference) Reference {
	return Reference{
		URI: reference.GetUri(), SHA256: reference.GetSha256(), SizeBytes: reference.GetSizeBytes(),
	}
}

// decodeValue sets what a pointer points to from one value.
func decodeValue(message *pb.Value, into any) error {
	switch into := into.(type) {
	case *any:
		*into = fromValue(message)
		return nil
	case *Value:
		*into = Value{message}
		return nil
	case *float64:
		// JSON has no NaN and no infinities, and values do.
		if float, err := (Value{message}).Float(); err == nil {
			*into = float
			return nil
		}
	}
	text, err := json.Marshal(fromValue(message))
	if err != nil {
		return fmt.Errorf("signalbox: the value has no plain JSON form: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("signalbox: the value is %s: %w", describeKind(message), err)
	}
	return nil
}

// decodeValues sets what a pointer points to, a struct or a map, from values by name.
func decodeValues(messages map[string]*pb.Value, into any) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("signalbox: values are decoded into a pointer and not into a %T", into)
	}
	plain := Values{messages}.Any()
	switch into := into.(type) {
	case *map[string]any:
		*into = plain
		return nil
	case *any:
		*into = plain
		return nil
	case *Values:
		*into = Values{messages}
		return nil
	}
	for name, value := range plain {
		if float, ok := value.(float64); ok && (math.IsNaN(float) || math.IsInf(float, 0)) {
			return fmt.Errorf("signalbox: %s is %v, which has no plain JSON form; read it with Get", name, float)
		}
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return fmt.Errorf("signalbox: the values have no plain JSON form: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("signalbox: the values do not fit %T: %w", into, err)
	}
	return nil
}
