/** Why a call of the page failed. */
export function FailureBanner({ reason }: { readonly reason: string }) {
  return (
    <p class="banner" role="alert">
      {reason}
    </p>
  )
}
