import { render } from 'preact'
import { App } from './app.tsx'
import { follow } from './state.ts'

render(<App />, document.getElementById('app') as HTMLElement)
follow()
