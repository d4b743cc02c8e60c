package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"k8s.io/sample-apiserver/pkg/apis/wardle/v1alpha1"
	"k8s.io/sample-apiserver/pkg/apis/wardle/v1beta1"
	apply "k8s.io/sample-apiserver/pkg/generated/applyconfiguration/wardle/v1beta1"
)

func flunder(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "wardle.example.com/v1beta1",
		"kind":       "Flunder",
		"metadata":   map[string]any{"name": name, "labels": map[string]any{"app": name}},
		"spec":       map[string]any{"flunderReference": "other", "referenceType": "Flunder"},
	}}
}

// the dynamic client's verbs.
func dynamicClient(w world) error {
	client := w.dynamic()
	created, err := client.Create(w, flunder("one"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	created.SetAnnotations(map[string]string{"a": "b"})
	updated, err := client.Update(w, created, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	patch := []byte(`{"metadata":{"labels":{"colour":"green"}}}`)
	patched, err := client.Patch(w, "one", types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return err
	}
	versions := []string{created.GetResourceVersion(), updated.GetResourceVersion(), patched.GetResourceVersion()}
	if err := expect(versions[0] != versions[1] && versions[1] != versions[2], "versions %v", versions); err != nil {
		return err
	}
	list, err := client.List(w, metav1.ListOptions{LabelSelector: "colour in (green,blue),app=one"})
	if err != nil {
		return err
	}
	if err := expect(len(list.Items) == 1 && list.Items[0].GetKind() == "Flunder" && list.GetKind() == "FlunderList", "%v", list); err != nil {
		return err
	}
	if err := client.DeleteCollection(w, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return err
	}
	_, err = client.Get(w, "one", metav1.GetOptions{})
	return expect(apierrors.IsNotFound(err), "%v", err)
}

// PM-1, PM-2: metadata alone, in protobuf, which this client prefers.
func metadataClient(w world) error {
	if _, err := w.dynamic().Create(w, flunder("one"), metav1.CreateOptions{}); err != nil {
		return err
	}
	var forms []string
	config := rest.CopyConfig(w.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return recorder{next, &forms} })
	client := metadata.NewForConfigOrDie(config).Resource(flunders).Namespace(w.namespace)
	one, err := client.Get(w, "one", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	if err := expect(one.Name == "one" && one.Labels["app"] == "one" && one.UID != "", "%v", one); err != nil {
		return err
	}
	list, err := client.List(w, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if err := expect(len(list.Items) == 1 && list.ResourceVersion != "", "%v", list); err != nil {
		return err
	}
	patch := []byte(`{"metadata":{"finalizers":["example.com/wait"]}}`)
	patched, err := client.Patch(w, "one", types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("patch: %w", err)
	}
	if err := expect(len(patched.Finalizers) == 1, "%v", patched); err != nil {
		return err
	}
	const protobuf = "application/vnd.kubernetes.protobuf"
	if err := expect(slices.Equal(forms, []string{protobuf, protobuf, protobuf}), "%v", forms); err != nil {
		return err
	}
	// The object remains and would be the answer. It has no protobuf form, which is what this client prefers: upstream's
	// server marks the object and answers 406.
	if err := client.Delete(w, "one", metav1.DeleteOptions{}); err != nil && !apierrors.IsNotAcceptable(err) && !strings.Contains(err.Error(), "protobuf") {
		return fmt.Errorf("delete: %w", err)
	}
	gone, err := client.Patch(w, "one", types.JSONPatchType, []byte(`[{"op":"remove","path":"/metadata/finalizers"}]`), metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("remove the finalizer: %w", err)
	}
	return expect(gone.DeletionTimestamp != nil, "%v", gone)
}

// recorder notes in which form each answer comes.
type recorder struct {
	next  http.RoundTripper
	forms *[]string
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err == nil {
		*r.forms = append(*r.forms, response.Header.Get("Content-Type"))
	}
	return response, err
}

// generated clients of both versions.
func typedClients(w world) error {
	beta, alpha := w.typed().WardleV1beta1().Flunders(w.namespace), w.typed().WardleV1alpha1().Flunders(w.namespace)
	object := &v1beta1.Flunder{ObjectMeta: metav1.ObjectMeta{GenerateName: "typed-"}, Spec: v1beta1.FlunderSpec{FischerReference: "f", ReferenceType: v1beta1.FischerReferenceType}}
	created, err := beta.Create(w, object, metav1.CreateOptions{FieldManager: "typed", FieldValidation: "Strict"})
	if err != nil {
		return err
	}
	if err := expect(created.Spec.ReferenceType == v1beta1.FischerReferenceType, "%v", created.Spec); err != nil {
		return err
	}
	older, err := alpha.Get(w, created.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := expect(older.Spec.Reference == "f" && older.UID == created.UID && *older.Spec.ReferenceType == v1alpha1.FischerReferenceType, "%v", older); err != nil {
		return err
	}
	older.Spec.Reference = "g"
	if _, err := alpha.Update(w, older, metav1.UpdateOptions{}); err != nil {
		return err
	}
	list, err := beta.List(w, metav1.ListOptions{FieldSelector: "metadata.name=" + created.Name})
	if err != nil {
		return err
	}
	return expect(len(list.Items) == 1 && list.Items[0].Spec.FischerReference == "g", "%v", list.Items)
}

// ERR-5: what controllers decide by.
func errorsAreClassified(w world) error {
	client := w.dynamic()
	created, err := client.Create(w, flunder("one"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, again := client.Create(w, flunder("one"), metav1.CreateOptions{})
	_, missing := client.Get(w, "two", metav1.GetOptions{})
	stale := created.DeepCopy()
	stale.SetResourceVersion("1")
	_, conflict := client.Update(w, stale, metav1.UpdateOptions{})
	bad := flunder("three")
	unstructured.SetNestedField(bad.Object, "both", "spec", "fischerReference")
	_, invalid := client.Create(w, bad, metav1.CreateOptions{})
	_, badRequest := client.List(w, metav1.ListOptions{LabelSelector: "a in b"})
	_, wrongOption := client.List(w, metav1.ListOptions{ResourceVersionMatch: "Exact"})
	_, future := client.List(w, metav1.ListOptions{ResourceVersion: "999999999999999999", Limit: 0, ResourceVersionMatch: "NotOlderThan"})
	all := apierrors.IsAlreadyExists(again) && apierrors.IsNotFound(missing) && apierrors.IsConflict(conflict) &&
		apierrors.IsBadRequest(badRequest) && apierrors.IsInvalid(wrongOption) && apierrors.IsInvalid(invalid)
	if err := expect(all, "%v, %v, %v, %v, %v, %v", again, missing, conflict, badRequest, wrongOption, invalid); err != nil {
		return err
	}
	return expect(apierrors.IsTimeout(future) && apierrors.HasStatusCause(future, metav1.CauseTypeResourceVersionTooLarge), "%v", future)
}

// SSA-8, SSA-9: applying as two managers.
func serverSideApply(w world) error {
	client := w.typed().WardleV1beta1().Flunders(w.namespace)
	config := func(reference string) *apply.FlunderApplyConfiguration {
		return apply.Flunder("one", w.namespace).WithLabels(map[string]string{"by": reference}).WithSpec(apply.FlunderSpec().WithFlunderReference(reference).WithReferenceType(v1beta1.FlunderReferenceType))
	}
	if _, err := client.Apply(w, config("a"), metav1.ApplyOptions{FieldManager: "first"}); err != nil {
		return err
	}
	_, err := client.Apply(w, config("b"), metav1.ApplyOptions{FieldManager: "second"})
	if err := expect(apierrors.IsConflict(err) && apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict), "%v", err); err != nil {
		return err
	}
	var fields []string
	status := err.(apierrors.APIStatus).Status()
	for _, cause := range status.Details.Causes {
		fields = append(fields, cause.Field)
	}
	if err := expect(strings.Join(fields, " ") == ".metadata.labels.by .spec.flunderReference", "%v", fields); err != nil {
		return err
	}
	taken, err := client.Apply(w, config("b"), metav1.ApplyOptions{FieldManager: "second", Force: true})
	if err != nil {
		return err
	}
	managers := map[string]bool{}
	for _, entry := range taken.ManagedFields {
		managers[entry.Manager] = true
	}
	if err := expect(taken.Spec.FlunderReference == "b" && managers["second"], "%v", taken); err != nil {
		return err
	}
	rest, err := client.Apply(w, apply.Flunder("one", w.namespace), metav1.ApplyOptions{FieldManager: "second"})
	if err != nil {
		return err
	}
	return expect(len(rest.Labels) == 0 && rest.Spec.FlunderReference == "" && rest.Spec.ReferenceType == v1beta1.FlunderReferenceType, "%v", rest)
}

type heard struct {
	sync.Mutex
	warnings []string
}

func (h *heard) HandleWarningHeader(_ int, _ string, text string) {
	h.Lock()
	defer h.Unlock()
	h.warnings = append(h.warnings, text)
}

// X-19, SV-22: deprecations and unknown fields.
func warningsAreHeard(w world) error {
	heard := &heard{}
	w.config = rest.CopyConfig(w.config)
	w.config.WarningHandler = heard
	if _, err := w.typed().WardleV1alpha1().Flunders(w.namespace).List(w, metav1.ListOptions{}); err != nil {
		return err
	}
	odd := flunder("one")
	unstructured.SetNestedField(odd.Object, "x", "spec", "odd")
	if _, err := w.dynamic().Create(w, odd, metav1.CreateOptions{}); err != nil {
		return err
	}
	heard.Lock()
	defer heard.Unlock()
	told := strings.Join(heard.warnings, "\n")
	return expect(told == "wardle.example.com/v1alpha1 Flunder is deprecated in v1.3+, unavailable in v1.10+\nunknown field \"spec.odd\"", "%s", told)
}

// what every client learns first.
func discoveryAndOpenAPI(w world) error {
	client := discovery.NewDiscoveryClientForConfigOrDie(w.config)
	preferred, err := client.ServerPreferredResources()
	if err != nil {
		return err
	}
	verbs := ""
	for _, list := range preferred {
		for _, resource := range list.APIResources {
			if list.GroupVersion == "wardle.example.com/v1beta1" && resource.Name == "flunders" {
				verbs = strings.Join(resource.Verbs, ",")
			}
		}
	}
	if err := expect(verbs == "create,delete,deletecollection,get,list,patch,update,watch", "%q", verbs); err != nil {
		return err
	}
	paths, err := client.OpenAPIV3().Paths()
	if err != nil {
		return err
	}
	document, known := paths["apis/wardle.example.com/v1beta1"]
	if !known {
		return fmt.Errorf("no OpenAPI v3 document")
	}
	body, err := document.Schema("application/json")
	if err != nil {
		return err
	}
	if err := expect(strings.Contains(string(body), "com.example.wardle") || strings.Contains(string(body), "flunders"), "%.200s", body); err != nil {
		return err
	}
	_, err = client.OpenAPISchema()
	return err
}

// U-5: updates of many writers through client-go's retry.
func optimisticUpdatesRetry(w world) error {
	client := w.dynamic()
	if _, err := client.Create(w, flunder("one"), metav1.CreateOptions{}); err != nil {
		return err
	}
	var wait sync.WaitGroup
	failures := make(chan error, 8)
	for writer := 0; writer < 8; writer++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			backoff := retry.DefaultBackoff
			backoff.Steps = 50
			failures <- retry.RetryOnConflict(backoff, func() error {
				one, err := client.Get(w, "one", metav1.GetOptions{})
				if err != nil {
					return err
				}
				labels := one.GetLabels()
				labels[fmt.Sprintf("writer-%d", writer)] = "was-here"
				one.SetLabels(labels)
				_, err = client.Update(w, one, metav1.UpdateOptions{})
				return err
			})
		}()
	}
	wait.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			return err
		}
	}
	one, err := client.Get(w, "one", metav1.GetOptions{})
	if err != nil {
		return err
	}
	return expect(len(one.GetLabels()) == 9, "%v", one.GetLabels())
}

// X-4, DEL-3: the garbage collector's deletions.
func deleteWithPreconditions(w world) error {
	created, err := w.dynamic().Create(w, flunder("one"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	other, policy := types.UID("another"), metav1.DeletePropagationBackground
	uid, version := created.GetUID(), created.GetResourceVersion()
	err = w.metadata().Delete(w, "one", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}, PropagationPolicy: &policy})
	if err := expect(apierrors.IsConflict(err), "another uid: %v", err); err != nil {
		return err
	}
	old := "1"
	err = w.metadata().Delete(w, "one", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &old}, PropagationPolicy: &policy})
	if err := expect(apierrors.IsConflict(err), "another version: %v", err); err != nil {
		return err
	}
	return w.metadata().Delete(w, "one", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}, PropagationPolicy: &policy})
}
